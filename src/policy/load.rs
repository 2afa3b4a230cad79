//! The book: all policy data of a run, checked and hashed. Text comes in; files are read by whoever calls.

use super::background::Background;
use super::data_file::{self, PolicyError};
use super::jurisdiction::Regimes;
use super::list::List;
use super::place::{self, Placed, Sighting};
use super::recognise::Catalogue;
use super::service::{Parameters, Profile, ProfileFile};
use super::subject::Label;
use super::tracker::Trackers;
use super::transport::Transport;
use crate::attribution::Source;
use crate::wire::Day;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The bundled profiles; a test compares this list with the folder.
const SERVICES: &[(&str, &str)] = &[
    ("alfaview", include_str!("data/services/alfaview.toml")),
    ("bigbluebutton", include_str!("data/services/bigbluebutton.toml")),
    ("discord", include_str!("data/services/discord.toml")),
    ("google-meet", include_str!("data/services/google-meet.toml")),
    ("goto", include_str!("data/services/goto.toml")),
    ("jitsi", include_str!("data/services/jitsi.toml")),
    ("jitsi-self-hosted", include_str!("data/services/jitsi-self-hosted.toml")),
    ("matrix", include_str!("data/services/matrix.toml")),
    ("nextcloud-talk", include_str!("data/services/nextcloud-talk.toml")),
    ("rocketchat", include_str!("data/services/rocketchat.toml")),
    ("skype", include_str!("data/services/skype.toml")),
    ("teams", include_str!("data/services/teams.toml")),
    ("teamviewer", include_str!("data/services/teamviewer.toml")),
    ("tixeo", include_str!("data/services/tixeo.toml")),
    ("webex", include_str!("data/services/webex.toml")),
    ("webex-telekom", include_str!("data/services/webex-telekom.toml")),
    ("wire", include_str!("data/services/wire.toml")),
    ("zoom", include_str!("data/services/zoom.toml")),
    ("zooo-video", include_str!("data/services/zooo-video.toml")),
];

const JURISDICTIONS: &str = include_str!("data/jurisdictions.toml");
const TRACKERS: &str = include_str!("data/trackers.toml");
const RECOGNISED: &str = include_str!("data/recognised.toml");
const BACKGROUND: &str = include_str!("data/background.toml");
const TRANSPORT: &str = include_str!("data/transport.toml");

/// Days after which the table of law should be looked through again.
const STALE_DAYS: u32 = 180;

/// All policy data.
#[derive(Debug)]
pub struct Book {
    pub regimes: Regimes,
    pub trackers: Trackers,
    pub background: Background,
    pub transport: Transport,
    /// Profiles are many and one is used: they are parsed when asked for.
    services: BTreeMap<Box<str>, (Box<str>, Cow<'static, str>)>,
    list: Option<List>,
    /// Name and text of the services without a profile.
    recognised: (String, String),
    /// Made when first asked for: it takes all profiles.
    catalogue: OnceLock<Result<Catalogue, PolicyError>>,
}

impl Book {
    /// The data that come with the program.
    ///
    /// # Errors
    /// Never in a released program; a test parses everything.
    pub fn embedded() -> Result<Self, PolicyError> {
        Self::with_dir(Vec::new())
    }

    /// The same with files of the user's own, as pairs of name and text. `jurisdictions.toml`, `trackers.toml`,
    /// `background.toml`, `recognised.toml` and `transport.toml` replace the bundled ones; any other `*.toml` is a service
    /// profile and replaces or adds by its `id`;
    /// files with other endings are passed over. Everything given is checked at once.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn with_dir(files: Vec<(String, String)>) -> Result<Self, PolicyError> {
        let (mut regimes, mut trackers, mut background, mut recognised, mut transport) = (None, None, None, None, None);
        let mut services: BTreeMap<Box<str>, _> = SERVICES
            .iter()
            .map(|(id, text)| (Box::from(*id), (format!("{id}.toml").into(), Cow::Borrowed(*text))))
            .collect();
        let mut own: BTreeMap<Box<str>, String> = BTreeMap::new();
        for (name, text) in files {
            let base = name.rsplit(['/', '\\']).next().unwrap_or(&name);
            match base {
                "jurisdictions.toml" => regimes = Some(Regimes::parse(&name, &text)?),
                "trackers.toml" => trackers = Some(Trackers::parse(&name, &text)?),
                "recognised.toml" => recognised = Some((name, text)),
                "background.toml" => background = Some(Background::parse(&name, &text)?),
                "transport.toml" => transport = Some(Transport::parse(&name, &text)?),
                _ if base.rsplit_once('.').is_some_and(|(_, ext)| ext == "toml") => {
                    let id = profile_id(&name, &text)?;
                    if let Some(other) = own.insert(id.clone(), name.clone()) {
                        return Err(PolicyError::new(
                            &name,
                            "id",
                            format!("`{id}` is also in {other}; keep one of them"),
                        ));
                    }
                    services.insert(id, (name.into(), Cow::Owned(text)));
                }
                _ => {}
            }
        }
        let book = Self {
            regimes: regimes.map_or_else(|| Regimes::parse("jurisdictions.toml", JURISDICTIONS), Ok)?,
            trackers: trackers.map_or_else(|| Trackers::parse("trackers.toml", TRACKERS), Ok)?,
            background: background.map_or_else(|| Background::parse("background.toml", BACKGROUND), Ok)?,
            transport: transport.map_or_else(|| Transport::parse("transport.toml", TRANSPORT), Ok)?,
            services,
            list: None,
            recognised: recognised.unwrap_or_else(|| ("recognised.toml".to_owned(), RECOGNISED.to_owned())),
            catalogue: OnceLock::new(),
        };
        // Only now: one may build on another.
        for id in own.keys() {
            book.profile(id, &Parameters::new())?;
        }
        Ok(book)
    }

    /// The files that [`Book::with_dir`] makes a book of, given those of the user's own: with them a book of another version of
    /// the program says the same.
    ///
    /// # Errors
    /// A profile of the user's own cannot be read.
    pub fn files(own: Vec<(String, String)>) -> Result<Vec<(String, String)>, PolicyError> {
        let tables = [
            ("jurisdictions.toml", JURISDICTIONS),
            ("trackers.toml", TRACKERS),
            ("recognised.toml", RECOGNISED),
            ("background.toml", BACKGROUND),
            ("transport.toml", TRANSPORT),
        ];
        let mut files: BTreeMap<String, (String, String)> = BTreeMap::new();
        let services = SERVICES.iter().map(|(id, text)| (*id, format!("{id}.toml"), *text));
        for (key, name, text) in services.chain(tables.map(|(name, text)| (name, name.to_owned(), text))) {
            files.insert(key.to_owned(), (name, text.to_owned()));
        }
        for (name, text) in own {
            let base = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned();
            let key = if tables.iter().any(|(table, _)| *table == base) {
                base.clone()
            } else {
                profile_id(&name, &text)?.into()
            };
            files.insert(key, (base, text));
        }
        Ok(files.into_values().collect())
    }

    /// From now on every profile is held against this list instead of its public one.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn with_list(self, name: &str, text: &str) -> Result<Self, PolicyError> {
        Ok(self.holding(List::parse(name, text)?))
    }

    /// As [`Book::with_list`], for a list that was read already: that of an audit file.
    #[must_use]
    pub fn holding(mut self, list: List) -> Self {
        self.list = Some(list);
        self
    }

    /// Ids of all profiles, sorted.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(|id| &**id)
    }

    /// Reads and checks a profile that may build on one of this book.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn parse(&self, name: &str, text: &str, parameters: &Parameters) -> Result<Profile, PolicyError> {
        let none = |_: &str| None;
        Profile::parse(name, text, parameters, |id| {
            let (name, text) = self.services.get(id)?;
            // Values for parameters are put in by the profile that builds on it.
            Some(Profile::parse(name, text, &Parameters::new(), none))
        })
    }

    /// The profile of a service, held against the list in use.
    ///
    /// # Errors
    /// If there is no such profile (the message names those there are), or parameters or list do not fit it.
    pub fn profile(&self, id: &str, parameters: &Parameters) -> Result<Profile, PolicyError> {
        let Some((name, text)) = self.services.get(id) else {
            let known: Vec<_> = self.services().collect();
            let what = format!("there is no such profile; there are: {}", known.join(", "));
            return Err(PolicyError::new("--service", id, what));
        };
        let profile = self.parse(name, text, parameters)?;
        match &self.list {
            Some(list) => profile.with_list(list),
            None => Ok(profile),
        }
    }

    /// Every service that can be told by its traffic.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn catalogue(&self) -> Result<&Catalogue, PolicyError> {
        let make = || {
            let profiles: Result<Vec<_>, _> = self.services().map(|id| self.profile(id, &Parameters::new())).collect();
            Catalogue::build(&self.recognised.0, &self.recognised.1, &profiles?)
        };
        self.catalogue.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// A profile made of nothing but the list given with [`Book::with_list`], for use without a service.
    #[must_use]
    pub fn list_profile(&self) -> Option<Profile> {
        self.list.clone().map(Profile::of_list)
    }

    /// How a recipient stands to the service. Without profile only background and the own network are told.
    #[must_use]
    pub fn place<'a>(&'a self, profile: Option<&'a Profile>, seen: &Sighting<'_>) -> Placed<'a> {
        place::place(profile, &self.background, seen)
    }

    /// The label of a name, or else of the first of the aliases through which DNS led on from it.
    pub fn label<'n>(&self, name: Option<&str>, aliases: impl IntoIterator<Item = &'n str>) -> Option<Label> {
        let via = |alias: &'n str| self.trackers.label(alias).map(|label| Label { via: Some(alias.into()), ..label });
        name.and_then(|n| self.trackers.label(n)).or_else(|| aliases.into_iter().find_map(via))
    }

    /// First days on which the law of some country or some grade is another: flows before and after are to be judged apart.
    #[must_use]
    pub fn turning_days(&self) -> Vec<Day> {
        let mut days: Vec<Day> = self.regimes.turning_days().chain(self.transport.turning_days()).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Name, edition and hash of the data files that every run uses.
    #[must_use]
    pub fn sources(&self) -> Vec<Arc<Source>> {
        vec![
            Arc::clone(self.regimes.source()),
            Arc::clone(self.trackers.source()),
            Arc::clone(self.background.source()),
            Arc::clone(self.transport.source()),
        ]
    }

    /// The age of the table of law in days, if it is too old on that day to be relied on without a look.
    #[must_use]
    pub fn stale(&self, day: Day) -> Option<u32> {
        Some(day.0.saturating_sub(self.regimes.edition().0)).filter(|age| *age > STALE_DAYS)
    }
}

fn profile_id(name: &str, text: &str) -> Result<Box<str>, PolicyError> {
    data_file::parse::<ProfileFile>(name, text).map(|file| file.id)
}

#[cfg(test)]
mod tests;
