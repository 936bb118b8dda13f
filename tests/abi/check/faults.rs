//! faults.rs: plugins in Rust that have one fault each: `--cfg fault="NAME"`; without it, a good one.
//! Which case of `reeld check` finds each fault is in languages.txt.
#![allow(unknown_lints, unexpected_cfgs)]
#[path = "../../../examples/rust/reel.rs"]
mod reel;

use reel::{text, Command, CommandInfo, Decision, Event, Field, List, Outcome, Project};
use reel::{Projector, Record, Refusal, Refused, Text, Tx, Value};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

const ID: Text = text!("id");
const STATE: Text = text!("state");
const PARTS: Text = text!("parts");
const UNDECLARED: Text = text!("undeclared");

/// The compiler must not know what it is.
fn opaque<T: Copy>(value: T) -> T {
    unsafe { std::ptr::read_volatile(&value) }
}

/// A panic while this is dropped by another panic ends the process.
struct PanicsInDrop;
impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if cfg!(fault = "panics_twice") {
            panic!("again");
        }
    }
}

fn depth_of(value: Value) -> usize {
    let room = std::mem::MaybeUninit::<[u8; 128 << 10]>::uninit();
    let deepest = value.items().map(|(_, item)| depth_of(item)).max().unwrap_or(0);
    deepest + 1 + opaque(room.as_ptr()).is_null() as usize
}

/// Faults that come before the event is folded.
fn misbehave(event: &Event, id: &str) {
    if cfg!(fault = "hangs_on_empty") {
        while opaque(id).is_empty() {}
    }
    if cfg!(fault = "exits") && event.id() == Some("event-9") {
        std::process::exit(3);
    }
    if cfg!(fault = "prints") {
        println!("folds {id}");
    }
    if cfg!(fault = "writes_file") {
        std::fs::write("/dev/null", id).ok();
    }
    if cfg!(fault = "starts_thread") {
        std::thread::spawn(|| {}).join().ok();
    }
    if cfg!(fault = "leaks") {
        opaque(Box::leak(vec![1u8; 64].into_boxed_slice()).as_ptr());
    }
    if cfg!(fault = "recurses") {
        opaque(depth_of(event.data()));
    }
}

fn state_of(event: &Event) -> String {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    if cfg!(fault = "counts") {
        return SEEN.fetch_add(1, Relaxed).to_string();
    }
    if cfg!(fault = "reads_clock") {
        return format!("{:?}", std::time::SystemTime::now());
    }
    if cfg!(fault = "reads_env") {
        return std::env::var("HOME").unwrap_or_default();
    }
    if cfg!(fault = "hash_order") {
        let names: std::collections::HashSet<_> = ["one", "two", "three", "four"].into();
        return names.iter().next().unwrap_or(&"none").to_string();
    }
    if cfg!(fault = "stores_address") {
        return format!("{:p}", &SEEN);
    }
    event.suffix().to_string()
}

fn set_faulty(record: &Record, event: &Event) {
    let mode = event.data().get("mode").str();
    if cfg!(fault = "sets_undeclared")
        || (cfg!(fault = "branches_suffix") && event.suffix() == "line-added.v2")
        || (cfg!(fault = "branches_mode") && mode == Some("express"))
    {
        record.set_int(UNDECLARED, 1);
    }
    if cfg!(fault = "branches_match") {
        match event.suffix() {
            "opened" | "closed" => {}
            "reopened" => {
                record.set_int(UNDECLARED, 1);
            }
            _ => {}
        }
    }
    if cfg!(fault = "sets_wrong_kind") {
        record.set_int(STATE, 1);
    }
}

struct Things;

impl Project for Things {
    fn evolve(tx: &Tx, event: &Event) -> Result<Outcome, String> {
        static SUSPICIOUS: AtomicBool = AtomicBool::new(false);
        let id = event.data().get("id").str();
        if cfg!(fault = "aborts") && id.is_none() {
            std::process::abort();
        }
        if cfg!(fault = "panics_twice") && id.is_none() {
            let _both = PanicsInDrop;
            panic!("no id");
        }
        if cfg!(fault = "unsafe_index") && id.is_none() {
            let far = event.data().get("at").int().unwrap_or(1 << 40) as usize;
            let bytes = event.suffix().as_bytes();
            return Err(unsafe { *bytes.as_ptr().wrapping_add(far | 1 << 40) }.to_string());
        }
        if id.is_none() {
            SUSPICIOUS.store(true, Relaxed);
        }
        let id = id.ok_or("event without an id")?;
        if cfg!(fault = "decides_ignored") && event.suffix() == "made" {
            return Ok(Outcome::Ignored);
        }
        if cfg!(fault = "decides_rejected") && event.suffix() == "made" {
            return Err("made by whom?".to_string());
        }
        misbehave(event, id);
        let record = tx.upsert(id);
        record.set_str(ID, id).set_str(STATE, &state_of(event));
        if cfg!(fault = "remembers_rejected") && SUSPICIOUS.load(Relaxed) {
            record.set_str(STATE, "suspicious");
        }
        set_faulty(&record, event);
        if cfg!(fault = "ignores_changed") && event.suffix() == "seen" {
            return Ok(Outcome::Ignored);
        }
        let parts = record.write(PARTS);
        let part = event.data().get("part");
        parts.array().value(part);
        if !cfg!(fault = "leaves_list") || part.exists() {
            parts.end();
        }
        Ok(Outcome::Applied)
    }

    fn decide(decision: &Decision, command: &Command) -> Result<String, Refused> {
        static ACCEPTED: AtomicU64 = AtomicU64::new(0);
        if cfg!(fault = "decide_remembers") && ACCEPTED.fetch_add(1, Relaxed) >= 3 {
            return Err((Refusal::Conflict, "conflict", "that is enough".to_string()));
        }
        if cfg!(fault = "decide_aborts") && command.body().get("name").str().is_none() {
            std::process::abort();
        }
        decision.draft("test.things.made", Some(command.key())).set_str(ID, command.key());
        Ok(command.key().to_string())
    }
}

static PREFIXES: [Text; 2] = [text!("test.things."), Text::NONE];
static FIELDS: List<Field, 4> = [
    Some(&Field::new(ID, reel::FIELD_STRING)),
    Some(&Field::new(STATE, reel::FIELD_STRING)),
    Some(&Field::new(PARTS, reel::FIELD_JSON)),
    None,
];
static COMMANDS: List<CommandInfo, 2> =
    [Some(&CommandInfo::new(text!("create"), Text::NONE)), None];
static PROJECTOR: Projector = Projector::new::<Things>(text!("things"), &PREFIXES, &FIELDS)
    .with_commands::<Things>(&COMMANDS);
static PROJECTORS: List<Projector, 2> = [Some(&PROJECTOR), None];

reel::reel_plugin!("faults", "1.0.0", &PROJECTORS);
