//! Who is asking: the token that names the acting person or system, bound to the agency's certificate.

pub mod token;
