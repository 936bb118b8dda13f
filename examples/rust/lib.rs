//! lib.rs: a projector in Rust: sensors, how often they have measured, and what they measured last.
//!
//! Build and check it, with Debian's rustc or a later one, and without crates:
//!     make
//!     reeld check ./sensors.so
mod reel;

use reel::{text, Command, CommandInfo, Decision, Event, EventInfo, Field, List, Member, Outcome};
use reel::{Project, Projector, Record, Refusal, Refused, Setting, Structs, Text, Tx};

const SENSORS: Text = text!("sensors");
const ID: Text = text!("id");
const PLACE: Text = text!("place");
const COUNT: Text = text!("count");
const HIGHEST: Text = text!("highest");
const RECENT: Text = text!("recent");
const INSTALLED_BY: Text = text!("installed_by");

const RECENT_MAX: Text = text!("sensors_recent_max");

struct Sensors;

impl Project for Sensors {
    /// `?` rejects the event, with the reason.
    fn evolve(tx: &Tx, event: &Event) -> Result<Outcome, String> {
        let known = ["installed", "measured", "removed"];
        if !known.contains(&event.suffix()) {
            return Ok(Outcome::Ignored);
        }
        let key = event.subject().ok_or("sensor without a subject")?;
        match event.suffix() {
            "installed" => {
                let place = event.data().get("place").str().ok_or("sensor without a place")?;
                tx.upsert(key).set_str(ID, key).set_str(PLACE, place).set_int(COUNT, 0);
                let principal = event.attributes().get("principal").str();
                tx.upsert(key).set_str_or_null(INSTALLED_BY, principal);
            }
            "measured" => {
                let value = event.data().get("value").number().ok_or("no value was measured")?;
                let sensor = tx.find(key).ok_or(format!("there is no sensor {key}"))?;
                measured(&sensor, event, value, tx.setting_number(RECENT_MAX) as usize)?;
            }
            _ => tx.remove(key),
        }
        Ok(Outcome::Applied)
    }

    fn decide(decision: &Decision, command: &Command) -> Result<String, Refused> {
        if command.verb() == "create" {
            let place = command.body().get("place").str().ok_or_else(|| {
                (Refusal::Invalid, "bad-request", "place must be a string".to_string())
            })?;
            let draft = decision.draft("com.example.sensor.installed", Some(command.key()));
            draft.set_str(PLACE, place);
        } else if decision.lookup(SENSORS, command.key()).is_some() {
            decision.draft("com.example.sensor.removed", Some(command.key()));
        } else {
            let detail = format!("there is no sensor {}", command.key());
            return Err((Refusal::NotFound, "not-found", detail));
        }
        Ok(command.key().to_string())
    }
}

fn measured(sensor: &Record, event: &Event, value: f64, recent_max: usize) -> Result<(), String> {
    let count = sensor.int(COUNT).unwrap_or(0);
    sensor.set_int(COUNT, count.checked_add(1).ok_or("the count overflows")?);
    if sensor.number(HIGHEST).map_or(true, |highest| value > highest) {
        sensor.set_number(HIGHEST, value);
    }

    // The last ones, with their times.
    let recent = sensor.value(RECENT);
    let too_many = (recent.items().count() + 1).saturating_sub(recent_max);
    let writer = sensor.write(RECENT);
    writer.array();
    for (_, each) in recent.items().skip(too_many) {
        writer.value(each);
    }
    writer.object().name("value").number(value);
    writer.name("at").str_or_null(event.time()).end().end();
    Ok(())
}

// ---- The declaration -----------------------------------------------------------------------------

static PREFIXES: [Text; 2] = [text!("com.example.sensor."), Text::NONE];

static FIELDS: List<Field, 7> = [
    Some(&Field::new(ID, reel::FIELD_STRING)),
    Some(&Field::new(PLACE, reel::FIELD_STRING)),
    Some(&Field::new(COUNT, reel::FIELD_INTEGER)),
    Some(&Field::new(HIGHEST, reel::FIELD_NUMBER)),
    Some(&Field::new(RECENT, reel::FIELD_JSON)),
    Some(&Field::new(INSTALLED_BY, reel::FIELD_STRING)),
    None,
];

static COMMANDS: List<CommandInfo, 3> = [
    Some(&CommandInfo {
        members: Structs::new(&INSTALLED),
        ..CommandInfo::new(text!("create"), text!("Install a sensor"))
    }),
    Some(&CommandInfo::new(text!("delete"), text!("Remove a sensor"))),
    None,
];

// What the events and the body of `create` have, for descriptions and for `reeld check`.
static INSTALLED: List<Member, 2> = [
    Some(&Member { flags: reel::MEMBER_REQUIRED, ..Member::new(PLACE, reel::MEMBER_STRING) }),
    None,
];
static MEASURED: List<Member, 2> = [
    Some(&Member {
        flags: reel::MEMBER_REQUIRED,
        ..Member::new(text!("value"), reel::MEMBER_NUMBER)
    }),
    None,
];
static EVENTS: List<EventInfo, 4> = [
    Some(&EventInfo::new(
        text!("com.example.sensor.installed"),
        reel::EVENT_SUBJECT,
        text!("A sensor is installed at a place"),
        &INSTALLED,
    )),
    Some(&EventInfo::new(
        text!("com.example.sensor.measured"),
        reel::EVENT_SUBJECT,
        text!("A sensor has measured a value"),
        &MEASURED,
    )),
    Some(&EventInfo::new(
        text!("com.example.sensor.removed"),
        reel::EVENT_SUBJECT,
        text!("A sensor is removed"),
        &[None],
    )),
    None,
];

static SETTINGS: List<Setting, 2> = [
    Some(&Setting {
        kind: reel::SETTING_NUMBER,
        min: 1,
        max: 100,
        default_value: text!("3"),
        ..Setting::new(RECENT_MAX, text!("Measured values that a record keeps"))
    }),
    None,
];

static PROJECTOR: Projector = Projector::new::<Sensors>(SENSORS, &PREFIXES, &FIELDS)
    .with_commands::<Sensors>(&COMMANDS)
    .with_settings(&SETTINGS)
    .with_events(&EVENTS);

static PROJECTORS: List<Projector, 2> = [Some(&PROJECTOR), None];

reel::reel_plugin!("sensors", "1.0.0", &PROJECTORS);
