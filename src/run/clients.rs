//! Conference clients by the names that the service profiles give their programs.

use crate::policy::{Book, Parameters};

/// Each service with the names of its client's programs on this system.
#[must_use]
pub fn programs(book: &Book) -> Vec<(Box<str>, Vec<Box<str>>)> {
    let here = |system: &str| system == "any" || system == std::env::consts::OS;
    let profiles = book.services().filter_map(|id| book.profile(id, &Parameters::new()).ok());
    profiles
        .map(|profile| {
            let processes = profile.file.processes.iter().filter(|p| here(&p.system));
            // A profile that says "browser" means any.
            let names = processes.flat_map(|p| p.names.iter().cloned()).filter(|name| &**name != "browser");
            (profile.file.id.clone(), names.collect())
        })
        .filter(|(_, names): &(_, Vec<_>)| !names.is_empty())
        .collect()
}
