//! Outer room: what the machine itself knows. Whose traffic it is, which conference clients run, which addresses are its own,
//! what its clocks do, what the program may do and how it gives that up, and a network namespace for one client alone.
//!
//! On Linux by the kernel's own interfaces; elsewhere every answer is an honest "not available on this system".

#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod isolate;
#[cfg(target_os = "linux")]
mod locals;
#[cfg(target_os = "linux")]
mod nat;
#[cfg(target_os = "linux")]
mod owners;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod rights;
#[cfg(target_os = "linux")]
mod sockets;
mod values;

#[cfg(target_os = "linux")]
pub use clients::running;
#[cfg(target_os = "linux")]
pub use clock::{Clock, sync};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Clock, Locals, Owners, Process, confine, leave, running, sync};
#[cfg(target_os = "linux")]
pub use isolate::{
    Client, Ended, INTERFACE, IsolateError, Isolated, Kind, Obstacle, Resolver, enter, find_program, helper, obstacle,
    unreachable,
};
#[cfg(target_os = "linux")]
pub use locals::Locals;
#[cfg(target_os = "linux")]
pub use nat::missing_for_nat;
#[cfg(target_os = "linux")]
pub use owners::Owners;
#[cfg(target_os = "linux")]
pub use process::Process;
#[cfg(target_os = "linux")]
pub use rights::{become_invoker, confine, home_of_invoker, leave};
pub use values::{Change, Jump, Lookup, Measure, Rights, Role, Running, Step, Sync, Taken, Tally, Unknown, Watch};
