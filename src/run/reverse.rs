//! Has addresses without a name looked up, if the user wants that, and says so before.

use crate::engine::view::LookUps;
use crate::engine::{Engine, Input};
use crate::resolve::{Answers, Asker};
use std::io::{self, Write};

/// Asks for what no flow has a name for, and tells the engine.
pub(super) fn look_up(engine: &mut Engine, resolver: &Asker) -> LookUps {
    let addresses = engine.nameless();
    let upstream = resolver.upstream();
    let count = resolver.will_ask(addresses.len());
    let _ = match count {
        0 => writeln!(io::stderr(), "zollhund: no public address is without a name; {upstream} is not asked"),
        _ => writeln!(io::stderr(), "zollhund: asking {upstream} for the names of {count} addresses (--resolve)"),
    };
    let Answers { names, asked, unanswered, left_out } = resolver.ask(&addresses);
    for (address, name) in names {
        engine.ingest(Input::Reverse { address, name });
    }
    LookUps { upstream: upstream.clone(), asked, unanswered, left_out }
}
