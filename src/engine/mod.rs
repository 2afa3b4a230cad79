//! Floor 6: puts the floors together. Inputs in, events out, a summary at the end; no clock, no files, no threads.

pub mod view;
