//! End-to-end tests of the hub, as outsiders: they use the binary, the wire and foreign clients only.
