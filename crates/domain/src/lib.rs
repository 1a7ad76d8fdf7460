//! The law and the nouns of SEND Hub: identifiers, ages and right-holders, school days and clocks,
//! agencies, people, their rights, exchanges and events. Pure functions over values: no I/O, no clock, no randomness.

pub mod age;
pub mod agency;
pub mod agreement;
pub mod assessment;
pub mod calendar;
pub mod clock;
pub mod disclosure;
pub mod event;
pub mod exchange;
pub mod identifiers;
pub mod person;
pub mod plan_limit;
pub mod review;
pub mod rights;
