//! (in the making)

pub mod pages;
