//! panics.rs: a projector that panics: in `evolve` as the type says, in each `decide`, and for some
//! keys; and a derived collection, which panics if it is told to.
#[path = "../../examples/rust/reel.rs"]
mod reel;

use reel::{text, Change, Command, CommandInfo, Decision, Derive, Event, Field, List, Outcome};
use reel::{Keys, Project, Projector, Refused, Text, Tx};

const ID: Text = text!("id");

struct Panics;

/// A value that panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        std::panic::panic_any(Grenade)
    }
}

impl Project for Panics {
    fn evolve(tx: &Tx, event: &Event) -> Result<Outcome, String> {
        let record = tx.upsert(event.suffix());
        record.set_str(ID, event.suffix());
        match event.suffix() {
            "text" => panic!("the sky falls"),
            "index" => {
                let at = event.data().get("at").int().ok_or("no index")? as usize;
                record.set_str(ID, ["a", "b", "c"][at]);
            }
            "value" => std::panic::panic_any(7),
            "drop" => std::panic::panic_any(Grenade),
            _ => {}
        }
        Ok(Outcome::Applied)
    }

    fn decide(_: &Decision, _: &Command) -> Result<String, Refused> {
        panic!("the sky falls")
    }
}

impl Keys for Panics {
    fn canonical_key(given: &str) -> Option<String> {
        match given {
            "sky" => panic!("the sky falls"),
            "long" => Some("0123456789abcdef".repeat(5)),
            _ => Some(given.to_lowercase()),
        }
    }
}

struct Shadows;

impl Derive for Shadows {
    fn derive(tx: &Tx, change: &Change) -> Result<Outcome, String> {
        let of = |record: Option<reel::Record>| record.and_then(|record| record.str(ID).map(String::from));
        let (before, after) = (of(change.before()), of(change.after()));
        tx.upsert(change.key()).set_str(ID, &format!("{before:?} {after:?} {}", change.seq()));
        match change.key() {
            "derived" => panic!("the shadow falls"),
            "refused" => Err("no shadow".to_string()),
            _ => Ok(Outcome::Applied),
        }
    }
}

static PREFIXES: [Text; 2] = [text!("com.example.panics."), Text::NONE];
static FIELDS: List<Field, 2> = [Some(&Field::new(ID, reel::FIELD_STRING)), None];
static COMMANDS: List<CommandInfo, 2> =
    [Some(&CommandInfo::new(text!("create"), Text::NONE)), None];
static PROJECTOR: Projector = Projector::new::<Panics>(text!("panics"), &PREFIXES, &FIELDS)
    .with_commands::<Panics>(&COMMANDS)
    .with_keys::<Panics>();
static SHADOWS: Projector = Projector::derived::<Shadows>(
    text!("shadows"),
    text!("panics"),
    &FIELDS,
    reel::DERIVE_FROM_RECORDS,
);
static PROJECTORS: List<Projector, 3> = [Some(&PROJECTOR), Some(&SHADOWS), None];

reel::reel_plugin!("panics", "1.0.0", &PROJECTORS);
