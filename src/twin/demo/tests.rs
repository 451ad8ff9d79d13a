//! The demo account hangs together.
