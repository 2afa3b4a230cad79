//! zollhund shows where a video call's data goes. (The house in prose comes with the rooms.)

pub mod attribution;
pub mod capture;
pub mod decode;
pub mod dissect;
pub mod engine;
pub mod flow;
pub mod policy;
pub mod report;
pub mod run;
pub mod synth;
pub mod wire;
