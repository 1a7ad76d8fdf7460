//! The hub under bad clients, over real connections: who does not read, who comes too late, who holds too much.
