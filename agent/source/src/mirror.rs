//! The agent's own bare copy of a remote, in its state directory.
//!
//! It outlives the agent, so that after a restart the last state is known even while the remote is away. Guarantees: HEAD of the
//! mirror names what was fetched last, and what was asked for earlier never comes after it; a mirror that cannot be opened, read or
//! written is made anew, since nothing in it is ours alone; many processes may fetch and read at once, and only who is alone with it
//! removes anything.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use git2::{ConfigLevel, ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};

use crate::compact::{self, CompactError};
use crate::error::SourceError;
use crate::fetch::{Call, asked_name, asked_of, fetch, local_name};
use crate::keep;
use crate::origin::{Origin, is_clear_text};
use crate::standing::{self, Standing, Turn};

/// A bare copy of one reference of a remote.
struct Mirror {
    repository: Repository,
    place: Place,
    hold: Hold,
}

/// How often we ask again when others move the mirror meanwhile.
const MAX_ROUNDS: usize = 3;

/// What became of an attempt to bring the mirror up to date.
#[derive(Debug, PartialEq, Eq)]
enum Advance {
    Done,
    /// Somebody else moved the mirror meanwhile; which of the two answers of the remote is the newer one, nobody knows.
    Overtaken,
}

/// Where the state of an origin lies: the mirror, and what is remembered of it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) mirror: PathBuf,
    pub(crate) last_good: PathBuf,
    lock: PathBuf,
    doubt: PathBuf,
}

/// Nothing is removed from the mirror while this lives. The system ends it when its holder dies.
#[derive(Debug)]
pub(crate) struct Hold {
    _file: File,
}

impl Place {
    /// A name of its own for each origin, so that a changed setting never reads another repository's state.
    pub(crate) fn of(state: &Path, origin: &Origin) -> Self {
        let digest = Oid::hash_object(ObjectType::Blob, origin.identity().as_bytes()).map(|id| id.to_string()).unwrap_or_default();
        let name = digest.get(..16).unwrap_or("origin");
        let file = |extension: &str| state.join("source").join(format!("{name}.{extension}"));
        Self { mirror: file("git"), last_good: file("good"), lock: file("lock"), doubt: file("doubt") }
    }

    /// Notes that objects are missing or damaged: a fetch would find nothing new and bring none of them back.
    pub(crate) fn doubt(&self) {
        if let Err(error) = std::fs::write(&self.doubt, "") {
            tracing::warn!(path = %self.doubt.display(), %error, "cannot note that the mirror is damaged");
        }
    }

    /// Keeps others from removing anything; waits for who is at it.
    pub(crate) fn hold(&self) -> Result<Hold, SourceError> {
        let file = self.lock_file()?;
        let locked = file.lock_shared();
        locked.map_err(|source| SourceError::State { act: "lock", path: self.lock.clone(), source })?;
        Ok(Hold { _file: file })
    }

    /// The mirror for ourselves alone, if nobody else uses it now.
    fn alone(&self) -> Result<Option<Hold>, SourceError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Hold { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(SourceError::State { act: "lock", path: self.lock.clone(), source }),
        }
    }

    fn lock_file(&self) -> Result<File, SourceError> {
        let failed = |act| move |source| SourceError::State { act, path: self.lock.clone(), source };
        if let Some(parent) = self.lock.parent() {
            std::fs::create_dir_all(parent).map_err(failed("make the directory of"))?;
        }
        OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock).map_err(failed("open"))
    }
}

/// Brings the mirror up to date. Afterwards its HEAD points at the reference, and it is within its bounds.
pub(crate) fn refresh(place: &Place, call: &Call, origin: &Origin) -> Result<(), SourceError> {
    if place.doubt.exists() { renew(place, call, origin) } else { Mirror::open(place)?.refresh(call, origin) }
}

/// Commits that were brought in besides what is followed. No reference names them, so they stay only while this lives.
#[derive(Debug)]
pub(crate) struct Besides {
    _hold: Hold,
    /// Where the remote has them, by its own names.
    pub(crate) tips: Vec<(String, Oid)>,
}

/// Brings in what the remote has of `names`; what the mirror follows stays as it is.
pub(crate) fn besides(place: &Place, call: &Call, names: &[String]) -> Result<Besides, SourceError> {
    let mirror = Mirror::open(place)?;
    mirror.refuse_redirects(call).map_err(|source| mirror.stuck("refuse redirects", source))?;
    let Some(fetched) = fetch(&mirror.repository, call, names, asked_name)? else {
        return Ok(Besides { _hold: mirror.hold, tips: Vec::new() });
    };
    let turn = Turn::take(&place.mirror);
    let _turn = turn.map_err(|source| SourceError::State { act: "lock", path: place.mirror.clone(), source })?;
    let landed = fetched.land().map_err(|source| mirror.stuck("note a reference", source))?;
    // Named only for as long as it takes to hear where they are: nothing else tells the names of a remote safely, as those of others there
    // may be no text.
    for one in &landed {
        let forgotten = mirror.repository.find_reference(&one.name).and_then(|mut reference| reference.delete());
        forgotten.map_err(|source| mirror.stuck("forget a reference", source))?;
    }
    let tips = landed.into_iter().map(|one| (asked_of(&one.name), one.now)).collect();
    Ok(Besides { _hold: mirror.hold, tips })
}

/// Fetches everything again, and puts it in place of a mirror that cannot be read. While the remote is away the old one stays.
fn renew(place: &Place, call: &Call, origin: &Origin) -> Result<(), SourceError> {
    let path = place.mirror.with_extension("fresh");
    let state = |act| move |source| SourceError::State { act, path: place.mirror.clone(), source };
    // One at a time fetches anew; the others have the mirror's lock for what they do.
    let note = OpenOptions::new().write(true).open(&place.doubt).map_err(state("make anew"))?;
    match note.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(state("make anew")(busy())),
        Err(TryLockError::Error(source)) => return Err(state("make anew")(source)),
    }
    if !place.doubt.exists() {
        // Somebody has just done it.
        return Mirror::open(place)?.refresh(call, origin);
    }
    let hold = place.hold()?;
    init(&path)?;
    let repository = Repository::open_bare(&path).map_err(|source| SourceError::Open { path: path.clone(), source })?;
    Mirror { repository, place: Place { mirror: path.clone(), ..place.clone() }, hold }.refresh(call, origin)?;
    let Some(_alone) = place.alone()? else { return Err(state("make anew")(busy())) };
    tracing::warn!(path = %place.mirror.display(), "the mirror lacked objects and was fetched anew");
    // Killed between these, the next fetch does the same again: the note goes last.
    if place.mirror.exists() {
        std::fs::remove_dir_all(&place.mirror).map_err(state("remove the damaged mirror"))?;
    }
    std::fs::rename(&path, &place.mirror).map_err(state("replace the damaged mirror"))?;
    std::fs::remove_file(&place.doubt).map_err(state("forget the damage of"))
}

impl Mirror {
    /// Opens or makes the mirror.
    fn open(place: &Place) -> Result<Self, SourceError> {
        let hold = place.hold()?;
        match Repository::open_bare(&place.mirror) {
            Ok(repository) => return Ok(Self { repository, place: place.clone(), hold }),
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(error) => tracing::warn!(path = %place.mirror.display(), error = error.message(), "the mirror is damaged and is made anew"),
        }
        drop(hold);
        make(place)?;
        let hold = place.hold()?;
        let repository = Repository::open_bare(&place.mirror);
        let repository = repository.map_err(|source| SourceError::Open { path: place.mirror.clone(), source })?;
        Ok(Self { repository, place: place.clone(), hold })
    }

    fn refresh(self, call: &Call, origin: &Origin) -> Result<(), SourceError> {
        for _ in 0..MAX_ROUNDS {
            if self.advance(call, origin)? == Advance::Done {
                self.compact(call);
                return Ok(());
            }
        }
        Err(SourceError::Overtaken { url: call.url.clone() })
    }

    /// Asks the remote, and moves the mirror to what it says unless somebody has moved it since.
    fn advance(&self, call: &Call, origin: &Origin) -> Result<Advance, SourceError> {
        let stand = || Standing::of(&self.repository).map_err(|source| self.stuck("list the references", source));
        let before = stand()?;
        self.refuse_redirects(call).map_err(|source| self.stuck("refuse redirects", source))?;
        let absent = || match &origin.reference {
            Some(reference) => SourceError::NoReference { origin: origin.to_string(), reference: reference.clone() },
            None => SourceError::Empty { origin: origin.to_string() },
        };
        let fetched = fetch(&self.repository, call, &origin.candidates(), local_name)?.ok_or_else(absent)?;
        let turn = Turn::take(&self.place.mirror);
        let _turn = turn.map_err(|source| SourceError::State { act: "lock", path: self.place.mirror.clone(), source })?;
        if call.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Interrupted { url: call.url.clone() });
        }
        if stand()? != before {
            return Ok(Advance::Overtaken);
        }
        let landed = fetched.land().map_err(|source| self.stuck("move a reference", source))?.into_iter().next().ok_or_else(absent)?;
        if let (true, Err(source)) = (landed.moved(), standing::tree_of(&self.repository, &landed.name)) {
            standing::back(&self.repository, &landed).map_err(|source| self.stuck("move a reference back", source))?;
            return Err(match source.code() {
                // Any copy would say so.
                ErrorCode::InvalidSpec | ErrorCode::Peel => SourceError::Object { origin: origin.to_string(), object: landed.name, source },
                _ => self.stuck("read what was fetched", source),
            });
        }
        let name = landed.name;
        // Written only when it moves, so that a poll without news leaves the disk alone.
        if standing::head(&self.repository).as_deref() != Some(name.as_bytes()) {
            let moved = self.repository.reference_symbolic("HEAD", &name, true, "trunkline: what is followed");
            moved.map_err(|source| self.stuck("move HEAD", source))?;
        }
        Ok(Advance::Done)
    }

    /// From plain http libgit2 would follow a redirect to any host, with our password and without a certificate that tells us so.
    fn refuse_redirects(&self, call: &Call) -> Result<(), git2::Error> {
        const SETTING: &str = "http.followRedirects";
        if !is_clear_text(&call.url) {
            return Ok(());
        }
        // The mirror's own settings outrank those of the account.
        let mut own = self.repository.config()?.open_level(ConfigLevel::Local)?;
        if matches!(own.get_bool(SETTING), Ok(false)) { Ok(()) } else { own.set_bool(SETTING, false) }
    }

    /// Nobody else moves references meanwhile: what is in the way (a lock that a power cut left, a branch where a directory is needed)
    /// will be there for ever.
    fn stuck(&self, act: &'static str, source: git2::Error) -> SourceError {
        self.place.doubt();
        SourceError::Mirror { act, path: self.place.mirror.clone(), source }
    }

    /// What could not be made smaller is as good as before, so this is no error.
    fn compact(self, call: &Call) {
        let Self { repository, place, hold } = self;
        drop(repository);
        drop(hold);
        let compacted = || -> Result<(), CompactError> {
            if !compact::is_due(&place.mirror)? {
                return Ok(());
            }
            // Somebody fetches or reads: there will be another time.
            let Ok(Some(_alone)) = place.alone() else { return Ok(()) };
            compact::compact(&place.mirror, &keep::commits(&place.last_good), &call.stop)
        };
        if let Err(error) = compacted() {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(path = %place.mirror.display(), %error, cause, "the mirror could not be compacted; it goes on growing");
        }
    }
}

/// Makes an empty mirror where there is none that can be opened.
fn make(place: &Place) -> Result<(), SourceError> {
    let path = &place.mirror;
    let state = |act| move |source| SourceError::State { act, path: path.clone(), source };
    let Some(_alone) = place.alone()? else {
        return Err(state("make anew")(busy()));
    };
    // Somebody may have made it since we looked.
    if Repository::open_bare(path).is_ok() { Ok(()) } else { init(path) }
}

fn busy() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ResourceBusy, "another process uses it")
}

/// An empty mirror in place of whatever is there.
fn init(path: &Path) -> Result<(), SourceError> {
    let state = |act| move |source| SourceError::State { act, path: path.to_owned(), source };
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(state("remove the damaged mirror"))?;
    }
    std::fs::create_dir_all(path).map_err(state("make the mirror"))?;
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head("refs/trunkline/none");
    // What was fetched must outlive a power cut: a reference to objects that are not there would be believed to be up to date.
    let made = Repository::init_opts(path, &options).and_then(|made| made.config()?.set_bool("core.fsyncObjectFiles", true));
    made.map_err(|source| SourceError::Open { path: path.to_owned(), source })
}
