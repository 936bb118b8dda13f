//! reel.rs: the headers reel/*.h for a projector in Rust, without crates: the structs as they are in
//! C, and safe functions over them. Copy this file beside your plugin; see lib.rs.
//!
//! A projector implements `Project`. `evolve` and `decide` return a `Result`: `?` rejects the event or
//! refuses the command. A panic does the same, with the panic's message as the reason, and never
//! crosses the border. So `-C panic=unwind` is needed, which is the default. (Rust aborts the process
//! when memory is exhausted.)
//!
//! What is borrowed from the host has the lifetime of the callback. Names of fields, types and
//! collections are made with `text!`, as C needs them: with a NUL at the end.
//!
//! Offsets and sizes are compared with those of the C headers by the tests of Reel.
#![allow(dead_code, unused_imports, unused_macros)]

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;
use std::{mem, ptr, slice, str};

#[cfg(panic = "abort")]
compile_error!("a panic must reject the event, not end the daemon: build with -C panic=unwind");

// ---- The structs of C ----------------------------------------------------------------------------

pub const MAGIC: u32 = 0x4c45_4552;
pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 0;

/// NUL-terminated text that lives for ever: `text!("id")`; or `Text::NONE`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Text(Option<&'static u8>); // the first byte

impl Text {
    pub const NONE: Text = Text(None);

    /// For `text!`, which adds the NUL.
    pub const fn new(with_nul: &'static str) -> Text {
        assert!(with_nul.as_bytes()[with_nul.len() - 1] == 0);
        Text(Some(&with_nul.as_bytes()[0]))
    }
}

/// A list of texts: `Texts::new(&VALUES)`, where `Text::NONE` is the last of `VALUES`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Texts(Option<&'static Text>);

impl Texts {
    pub const NONE: Texts = Texts(None);

    pub const fn new(list: &'static [Text]) -> Texts {
        assert!(matches!(list[list.len() - 1].0, None), "the list must end with Text::NONE");
        Texts(Some(&list[0]))
    }
}

/// A list of structs: `Structs::new(&MEMBERS)`, where `None` is the last of `MEMBERS`.
#[repr(transparent)]
pub struct Structs<T: 'static>(Option<&'static Option<&'static T>>);

impl<T> Structs<T> {
    pub const NONE: Structs<T> = Structs(None);

    pub const fn new(list: &'static [Option<&'static T>]) -> Structs<T> {
        assert!(matches!(list[list.len() - 1], None), "the list must end with None");
        Structs(Some(&list[0]))
    }
}

macro_rules! text {
    ($text:expr) => {
        $crate::reel::Text::new(concat!($text, "\0"))
    };
}
pub(crate) use text;

/// The plugin, once in a crate: `reel_plugin!("sensors", "1.0.0", &PROJECTORS);`. Name and version
/// have at most 63 bytes. `PROJECTORS` ends with `None`. The note is for the host, which reads it before
/// it loads the file.
macro_rules! reel_plugin {
    ($name:literal, $version:literal, $projectors:expr) => {
        #[used]
        #[link_section = ".note.reel"]
        static REEL_NOTE: $crate::reel::Note = $crate::reel::Note::new($name, $version);
        #[no_mangle]
        #[allow(non_upper_case_globals)]
        pub static reel_plugin: $crate::reel::Plugin = $crate::reel::Plugin::new(
            $crate::reel::text!($name),
            $crate::reel::text!($version),
            $projectors,
        );
    };
}
pub(crate) use reel_plugin;

/// `struct reel_str`: data NULL: there is no string.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub data: *const u8,
    pub len: usize,
}

#[repr(C)]
pub struct Error {
    pub text: [u8; 1024],
}

#[repr(C)]
pub struct Header {
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub struct_size: u32,
}

#[repr(C)]
pub struct Json {
    pub host: *const Host,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawValue {
    pub json: *const Json,
    pub at: u64,
}

#[repr(C)]
pub struct RawEvent {
    pub struct_size: u32,
    pub prefix: u32,
    pub type_: Str,
    pub suffix: Str,
    pub id: Str,
    pub source: Str,
    pub subject: Str,
    pub time: Str,
    pub data: RawValue,
    pub attributes: RawValue,
}

#[repr(C)]
pub struct RawCommand {
    pub struct_size: u32,
    pub reserved: u32,
    pub verb: Str,
    pub key: Str,
    pub time: Str,
    pub body: RawValue,
    pub principal: Str,
}

#[repr(C)]
pub struct RawChange {
    pub struct_size: u32,
    pub reserved: u32,
    pub key: Str,
    pub before: *const Handle,
    pub after: *const Handle,
    pub seq: u64,
}

/// `struct reel_tx`, `reel_record`, `reel_decision`, `reel_draft` and `reel_writer` begin with this.
#[repr(C)]
pub struct Handle {
    pub host: *const Host,
}

#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub value_kind: unsafe extern "C" fn(RawValue) -> i32,
    pub value_get: unsafe extern "C" fn(RawValue, Str) -> RawValue,
    pub value_next: unsafe extern "C" fn(RawValue, RawValue, *mut Str) -> RawValue,
    pub value_str: unsafe extern "C" fn(RawValue) -> Str,
    pub value_int: unsafe extern "C" fn(RawValue, *mut i64) -> bool,
    pub value_number: unsafe extern "C" fn(RawValue, *mut f64) -> bool,
    pub value_bool: unsafe extern "C" fn(RawValue, *mut bool) -> bool,
    pub value_json: unsafe extern "C" fn(RawValue) -> Str,
    pub find: unsafe extern "C" fn(*mut Handle, Str) -> *mut Handle,
    pub upsert: unsafe extern "C" fn(*mut Handle, Str) -> *mut Handle,
    pub remove: unsafe extern "C" fn(*mut Handle, Str),
    pub reject: unsafe extern "C" fn(*mut Handle, Str) -> i32,
    pub warn: unsafe extern "C" fn(*mut Handle, Str, Str),
    pub set_null: unsafe extern "C" fn(*mut Handle, Text),
    pub set_str: unsafe extern "C" fn(*mut Handle, Text, Str),
    pub set_int: unsafe extern "C" fn(*mut Handle, Text, i64),
    pub set_number: unsafe extern "C" fn(*mut Handle, Text, f64),
    pub set_bool: unsafe extern "C" fn(*mut Handle, Text, bool),
    pub set_json: unsafe extern "C" fn(*mut Handle, Text, RawValue),
    pub field_str: unsafe extern "C" fn(*const Handle, Text) -> Str,
    pub field_int: unsafe extern "C" fn(*const Handle, Text, *mut i64) -> bool,
    pub field_number: unsafe extern "C" fn(*const Handle, Text, *mut f64) -> bool,
    pub field_bool: unsafe extern "C" fn(*const Handle, Text, *mut bool) -> bool,
    pub field_json: unsafe extern "C" fn(*const Handle, Text) -> Str,
    pub field_value: unsafe extern "C" fn(*const Handle, Text) -> RawValue,
    pub write_field: unsafe extern "C" fn(*mut Handle, Text) -> *mut Handle,
    pub write_member: unsafe extern "C" fn(*mut Handle, Text) -> *mut Handle,
    pub write_object: unsafe extern "C" fn(*mut Handle),
    pub write_array: unsafe extern "C" fn(*mut Handle),
    pub write_end: unsafe extern "C" fn(*mut Handle),
    pub write_name: unsafe extern "C" fn(*mut Handle, Str),
    pub write_str: unsafe extern "C" fn(*mut Handle, Str),
    pub write_int: unsafe extern "C" fn(*mut Handle, i64),
    pub write_number: unsafe extern "C" fn(*mut Handle, f64),
    pub write_bool: unsafe extern "C" fn(*mut Handle, bool),
    pub write_null: unsafe extern "C" fn(*mut Handle),
    pub write_value: unsafe extern "C" fn(*mut Handle, RawValue),
    pub get_extension: unsafe extern "C" fn(Text) -> *const u8,
    pub lookup: unsafe extern "C" fn(*mut Handle, Text, Str) -> *const Handle,
    pub draft: unsafe extern "C" fn(*mut Handle, Str, Str) -> *mut Handle,
    pub draft_members: unsafe extern "C" fn(*mut Handle, RawValue),
    pub draft_value: unsafe extern "C" fn(*mut Handle, Text, RawValue),
    pub draft_str: unsafe extern "C" fn(*mut Handle, Text, Str),
    pub draft_int: unsafe extern "C" fn(*mut Handle, Text, i64),
    pub accept: unsafe extern "C" fn(*mut Handle, Str) -> i32,
    pub refuse: unsafe extern "C" fn(*mut Handle, i32, *const u8, Str) -> i32,
    pub setting_str: unsafe extern "C" fn(*mut Handle, Text, usize) -> Str,
    pub decision_setting_str: unsafe extern "C" fn(*mut Handle, Text, usize) -> Str,
    pub setting_number: unsafe extern "C" fn(*mut Handle, Text) -> u64,
    pub decision_setting_number: unsafe extern "C" fn(*mut Handle, Text) -> u64,
}

pub const FIELD_STRING: u32 = 1;
pub const FIELD_INTEGER: u32 = 2;
pub const FIELD_BOOL: u32 = 3;
pub const FIELD_JSON: u32 = 4;
pub const FIELD_ONE_OF: u32 = 5;
pub const FIELD_NUMBER: u32 = 6;
pub const FIELD_ANY_CASE: u32 = 1 << 0;
pub const FIELD_IS_NAME: u32 = 1 << 1;
pub const FIELD_INDEXED: u32 = 1 << 2;

pub const MEMBER_STRING: u32 = 1;
pub const MEMBER_INTEGER: u32 = 2;
pub const MEMBER_NUMBER: u32 = 3;
pub const MEMBER_BOOL: u32 = 4;
pub const MEMBER_TIME: u32 = 5;
pub const MEMBER_ONE_OF: u32 = 6;
pub const MEMBER_LIST: u32 = 7;
pub const MEMBER_OBJECT: u32 = 8;
pub const MEMBER_JSON: u32 = 9;
pub const MEMBER_REQUIRED: u32 = 1 << 0;
pub const EVENT_STRICT: u32 = 1 << 0;
pub const EVENT_SUBJECT: u32 = 1 << 1;

pub const DERIVE_FROM_RECORDS: u32 = 1 << 0;

pub const SETTING_TEXT: u32 = 1;
pub const SETTING_NUMBER: u32 = 2;
pub const SETTING_SWITCH: u32 = 3;
pub const SETTING_ONE_OF: u32 = 4;
pub const SETTING_LIST: u32 = 1 << 0;

/// A NULL-terminated list: `static FIELDS: List<Field, 3> = [Some(&ID), Some(&TITLE), None];`
pub type List<T, const N: usize> = [Option<&'static T>; N];

#[repr(C)]
pub struct Field {
    pub struct_size: u32,
    pub flags: u32,
    pub name: Text,
    pub kind: u32,
    pub values: Texts,
    pub filter: Text,
    pub refers_to: Text,
}

#[repr(C)]
pub struct Key {
    pub str_: Str,
    pub scratch: [u8; 64],
}

#[repr(C)]
pub struct CommandInfo {
    pub struct_size: u32,
    pub flags: u32,
    pub verb: Text,
    pub summary: Text,
    pub members: Structs<Member>,
    pub example: Text,
}

#[repr(C)]
pub struct Member {
    pub struct_size: u32,
    pub flags: u32,
    pub name: Text,
    pub kind: u32,
    pub reserved: u32,
    pub values: Texts,
    pub items: Option<&'static Member>,
    pub members: Structs<Member>,
    pub summary: Text,
}

#[repr(C)]
pub struct EventInfo {
    pub struct_size: u32,
    pub flags: u32,
    pub type_: Text,
    pub summary: Text,
    pub members: Structs<Member>,
    pub example: Text,
}

#[repr(C)]
pub struct Setting {
    pub struct_size: u32,
    pub flags: u32,
    pub name: Text,
    pub kind: u32,
    pub reserved: u32,
    pub min: u64,
    pub max: u64,
    pub default_value: Text,
    pub unit: Text,
    pub help: Text,
    pub values: Texts,
    pub aliases: Text,
    pub check: Option<unsafe extern "C" fn(*const u8, *mut Error) -> bool>,
}

#[repr(C)]
pub struct Projector {
    pub struct_size: u32,
    pub flags: u32,
    pub revision: u32,
    pub revision_compatible: u32,
    pub collection: Text,
    pub type_prefixes: Texts,
    pub fields: Structs<Field>,
    pub evolve: Option<unsafe extern "C" fn(*mut Handle, *const RawEvent) -> i32>,
    pub canonical_key: Option<unsafe extern "C" fn(Str, *mut Key) -> bool>,
    pub commands: Structs<CommandInfo>,
    pub decide: Option<unsafe extern "C" fn(*mut Handle, *const RawCommand) -> i32>,
    pub settings: Structs<Setting>,
    pub events: Structs<EventInfo>,
    pub derives_from: Text,
    pub derive: Option<unsafe extern "C" fn(*mut Handle, *const RawChange) -> i32>,
}

#[repr(C)]
pub struct Plugin {
    pub header: Header,
    pub flags: u32,
    pub name: Text,
    pub version: Text,
    pub projectors: Structs<Projector>,
    pub sinks: *const u8,
}
unsafe impl Sync for Plugin {}

#[repr(C)]
pub struct Note {
    pub owner_size: u32,
    pub content_size: u32,
    pub type_: u32,
    pub owner: [u8; 8],
    pub abi_major: u16,
    pub abi_minor: u16,
    pub kinds: u32,
    pub name: [u8; 64],
    pub version: [u8; 64],
}

// ---- Declaring -----------------------------------------------------------------------------------

impl Field {
    /// Other members: `Field { flags: FIELD_IS_NAME, ..Field::new(text!("name"), FIELD_STRING) }`.
    pub const fn new(name: Text, kind: u32) -> Field {
        Field {
            struct_size: mem::size_of::<Field>() as u32,
            flags: 0,
            name,
            kind,
            values: Texts::NONE,
            filter: Text::NONE,
            refers_to: Text::NONE,
        }
    }
}

impl CommandInfo {
    /// With a declared body:
    /// `CommandInfo { members: Structs::new(&MEMBERS), ..CommandInfo::new(verb, summary) }`.
    pub const fn new(verb: Text, summary: Text) -> CommandInfo {
        let struct_size = mem::size_of::<CommandInfo>() as u32;
        let (members, example) = (Structs::NONE, Text::NONE);
        CommandInfo { struct_size, flags: 0, verb, summary, members, example }
    }
}

impl Member {
    /// Other members: `Member { flags: MEMBER_REQUIRED, ..Member::new(text!("at"), MEMBER_TIME) }`.
    pub const fn new(name: Text, kind: u32) -> Member {
        Member {
            struct_size: mem::size_of::<Member>() as u32,
            flags: 0,
            name,
            kind,
            reserved: 0,
            values: Texts::NONE,
            items: None,
            members: Structs::NONE,
            summary: Text::NONE,
        }
    }
}

impl EventInfo {
    /// With the complete type. `members` ends with `None`. For `flags`, `EVENT_STRICT` and
    /// `EVENT_SUBJECT`.
    pub const fn new(
        type_: Text,
        flags: u32,
        summary: Text,
        members: &'static [Option<&'static Member>],
    ) -> EventInfo {
        let (members, example) = (Structs::new(members), Text::NONE);
        let struct_size = mem::size_of::<EventInfo>() as u32;
        EventInfo { struct_size, flags, type_, summary, members, example }
    }
}

impl Setting {
    /// A text. Other kinds: `Setting { kind: SETTING_NUMBER, max: 9, default_value: text!("3"),
    /// ..Setting::new(text!("things_max"), text!("most things")) }`.
    pub const fn new(name: Text, help: Text) -> Setting {
        Setting {
            struct_size: mem::size_of::<Setting>() as u32,
            flags: 0,
            name,
            kind: SETTING_TEXT,
            reserved: 0,
            min: 0,
            max: 0,
            default_value: Text::NONE,
            unit: Text::NONE,
            help,
            values: Texts::NONE,
            aliases: Text::NONE,
            check: None,
        }
    }
}

impl Note {
    /// For `reel_plugin!`: of a plugin with projectors.
    pub const fn new(name: &str, version: &str) -> Note {
        Note {
            owner_size: 5,
            content_size: 136,
            type_: 1,
            owner: *b"Reel\0\0\0\0",
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            kinds: 1,
            name: Note::padded(name.as_bytes()),
            version: Note::padded(version.as_bytes()),
        }
    }
    const fn padded(text: &[u8]) -> [u8; 64] {
        let mut all = [0; 64];
        let mut at = 0;
        assert!(text.len() < all.len());
        while at < text.len() {
            all[at] = text[at];
            at += 1;
        }
        all
    }
}

impl Projector {
    /// With revision 1; another one: `Projector { revision: 2, ..Projector::new::<P>(…) }`.
    /// `prefixes` ends with `Text::NONE`, `fields` with `None`.
    pub const fn new<P: Project>(
        collection: Text,
        prefixes: &'static [Text],
        fields: &'static [Option<&'static Field>],
    ) -> Projector {
        Projector {
            struct_size: mem::size_of::<Projector>() as u32,
            flags: 0,
            revision: 1,
            revision_compatible: 0,
            collection,
            type_prefixes: Texts::new(prefixes),
            fields: Structs::new(fields),
            evolve: Some(evolve::<P>),
            canonical_key: None,
            commands: Structs::NONE,
            decide: None,
            settings: Structs::NONE,
            events: Structs::NONE,
            derives_from: Text::NONE,
            derive: None,
        }
    }

    /// A derived collection, which folds the changes of the records of `source`. `fields` ends with
    /// `None`. `flags` is `DERIVE_FROM_RECORDS`, or 0.
    pub const fn derived<D: Derive>(
        collection: Text,
        source: Text,
        fields: &'static [Option<&'static Field>],
        flags: u32,
    ) -> Projector {
        Projector {
            struct_size: mem::size_of::<Projector>() as u32,
            flags,
            revision: 1,
            revision_compatible: 0,
            collection,
            type_prefixes: Texts::NONE,
            fields: Structs::new(fields),
            evolve: None,
            canonical_key: None,
            commands: Structs::NONE,
            decide: None,
            settings: Structs::NONE,
            events: Structs::NONE,
            derives_from: source,
            derive: Some(derive::<D>),
        }
    }

    /// The same projector with commands, which `Project::decide` decides.
    pub const fn with_commands<P: Project>(
        self,
        commands: &'static [Option<&'static CommandInfo>],
    ) -> Projector {
        Projector { commands: Structs::new(commands), decide: Some(decide::<P>), ..self }
    }

    /// The same projector with keys that may be written in several forms.
    pub const fn with_keys<K: Keys>(self) -> Projector {
        Projector { canonical_key: Some(canonical_key::<K>), ..self }
    }

    /// The same projector with settings. The list ends with `None`.
    pub const fn with_settings(self, settings: &'static [Option<&'static Setting>]) -> Projector {
        Projector { settings: Structs::new(settings), ..self }
    }

    /// The same projector with declared events. The list ends with `None`.
    pub const fn with_events(self, events: &'static [Option<&'static EventInfo>]) -> Projector {
        Projector { events: Structs::new(events), ..self }
    }
}

impl Plugin {
    /// For `reel_plugin!`.
    pub const fn new(
        name: Text,
        version: Text,
        projectors: &'static [Option<&'static Projector>],
    ) -> Plugin {
        let struct_size = mem::size_of::<Plugin>() as u32;
        Plugin {
            header: Header {
                magic: MAGIC,
                abi_major: ABI_MAJOR,
                abi_minor: ABI_MINOR,
                struct_size,
            },
            flags: 0,
            name,
            version,
            projectors: Structs::new(projectors),
            sinks: ptr::null(),
        }
    }
}

// ---- What a projector implements -----------------------------------------------------------------

pub enum Outcome {
    Applied = 1,
    Ignored = 2,
}

#[derive(Clone, Copy)]
pub enum Refusal {
    Invalid = 1,  // HTTP 400
    Conflict = 2, // HTTP 409
    NotFound = 3, // HTTP 404
    TooLarge = 4, // HTTP 413
}

/// Why a command is refused: the kind, the last part of the problem's URI, and a sentence.
pub type Refused = (Refusal, &'static str, String);

pub trait Project {
    /// Folds an event. `Err` rejects it, with the reason.
    fn evolve(tx: &Tx, event: &Event) -> Result<Outcome, String>;

    /// Turns a command into events. `Ok` is the key of the record that the result shows.
    fn decide(_decision: &Decision, command: &Command) -> Result<String, Refused> {
        Err((Refusal::Invalid, "bad-request", format!("{} is not a command", command.verb())))
    }
}

/// What a derived collection implements.
pub trait Derive {
    /// Folds one change of a record of the source. `Err` rejects the event for this collection, with
    /// the reason.
    fn derive(tx: &Tx, change: &Change) -> Result<Outcome, String>;
}

/// What a projector implements whose keys may be written in several forms: UUIDs, names in any case.
pub trait Keys {
    /// The form in which the key is stored, of at most 64 bytes unless it is `given` itself. `None`, and
    /// a panic: the text cannot be a key. Must be pure. Called on any thread.
    fn canonical_key(given: &str) -> Option<String>;
}

/// A panic becomes a reason. The message that Rust would write to stderr is left out.
fn guarded<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic: Box<dyn Any + Send>| {
        let text = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.as_str(),
            (_, Some(text)) => text,
            _ => "a value that is not text",
        };
        let reason = format!("it panicked: {text}");
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(again); // its drop panicked, and that of the new value might
        }
        reason
    })
}

unsafe extern "C" fn evolve<P: Project>(tx: *mut Handle, event: *const RawEvent) -> i32 {
    let tx = Tx(tx, PhantomData);
    match guarded(|| P::evolve(&tx, &Event(&*event))) {
        Ok(Ok(outcome)) => outcome as i32,
        Ok(Err(reason)) | Err(reason) => (host(tx.0).reject)(tx.0, to_c(&reason)),
    }
}

unsafe extern "C" fn derive<D: Derive>(tx: *mut Handle, change: *const RawChange) -> i32 {
    let tx = Tx(tx, PhantomData);
    match guarded(|| D::derive(&tx, &Change(&*change))) {
        Ok(Ok(outcome)) => outcome as i32,
        Ok(Err(reason)) | Err(reason) => (host(tx.0).reject)(tx.0, to_c(&reason)),
    }
}

unsafe extern "C" fn decide<P: Project>(of: *mut Handle, command: *const RawCommand) -> i32 {
    let host = host(of);
    match guarded(|| P::decide(&Decision(of, PhantomData), &Command(&*command))) {
        Ok(Ok(key)) => (host.accept)(of, to_c(&key)),
        Ok(Err((kind, problem, detail))) => {
            let problem = format!("{problem}\0");
            (host.refuse)(of, kind as i32, problem.as_ptr(), to_c(&detail))
        }
        Err(reason) => {
            let problem = b"bad-request\0";
            (host.refuse)(of, Refusal::Invalid as i32, problem.as_ptr(), to_c(&reason))
        }
    }
}

unsafe extern "C" fn canonical_key<K: Keys>(given: Str, ret: *mut Key) -> bool {
    let text = match from_c(given) {
        Some(text) => text,
        None => return false,
    };
    let ret = &mut *ret;
    match guarded(|| K::canonical_key(text)) {
        Ok(Some(key)) if key == text => ret.str_ = given,
        Ok(Some(key)) if key.len() <= ret.scratch.len() => {
            ret.scratch[..key.len()].copy_from_slice(key.as_bytes());
            ret.str_ = Str { data: ret.scratch.as_ptr(), len: key.len() };
        }
        _ => return false,
    }
    true
}

// ---- Strings and values --------------------------------------------------------------------------

fn to_c(text: &str) -> Str {
    Str { data: text.as_ptr(), len: text.len() }
}

/// No string is written as null.
fn to_c_or_none(text: Option<&str>) -> Str {
    text.map_or(Str { data: ptr::null(), len: 0 }, to_c)
}

/// The host gives valid UTF-8 everywhere except to `canonical_key`.
unsafe fn from_c<'a>(text: Str) -> Option<&'a str> {
    if text.data.is_null() {
        return None;
    }
    str::from_utf8(slice::from_raw_parts(text.data, text.len)).ok()
}

unsafe fn host<'a>(handle: *const Handle) -> &'a Host {
    &*(*handle).host
}

/// What a function gives that returns true and writes its result, or false.
fn got<T: Default>(call: impl FnOnce(*mut T) -> bool) -> Option<T> {
    let mut found = T::default();
    call(&mut found).then(|| found)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Missing,
    Null,
    Bool,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A JSON value. Look-ups in a value that does not exist give a value that does not exist.
#[derive(Clone, Copy)]
pub struct Value<'a>(RawValue, PhantomData<&'a ()>);

impl<'a> Value<'a> {
    const MISSING: RawValue = RawValue { json: ptr::null(), at: 0 };

    fn host(&self) -> Option<&'a Host> {
        unsafe { self.0.json.as_ref().map(|json| &*json.host) }
    }
    pub fn exists(&self) -> bool {
        !self.0.json.is_null()
    }
    pub fn kind(&self) -> Kind {
        match self.host().map(|host| unsafe { (host.value_kind)(self.0) }) {
            Some(1) => Kind::Null,
            Some(2) => Kind::Bool,
            Some(3) => Kind::Integer,
            Some(4) => Kind::Number,
            Some(5) => Kind::String,
            Some(6) => Kind::Array,
            Some(7) => Kind::Object,
            _ => Kind::Missing,
        }
    }
    /// The member of an object.
    pub fn get(&self, name: &str) -> Value<'a> {
        let found = self.host().map(|host| unsafe { (host.value_get)(self.0, to_c(name)) });
        Value(found.unwrap_or(Self::MISSING), PhantomData)
    }
    /// `None` if the value has another kind.
    pub fn str(&self) -> Option<&'a str> {
        unsafe { from_c((self.host()?.value_str)(self.0)) }
    }
    pub fn int(&self) -> Option<i64> {
        let host = self.host()?;
        got(|ret| unsafe { (host.value_int)(self.0, ret) })
    }
    pub fn number(&self) -> Option<f64> {
        let host = self.host()?;
        got(|ret| unsafe { (host.value_number)(self.0, ret) })
    }
    pub fn bool(&self) -> Option<bool> {
        let host = self.host()?;
        got(|ret| unsafe { (host.value_bool)(self.0, ret) })
    }
    pub fn json(&self) -> Option<&'a str> {
        unsafe { from_c((self.host()?.value_json)(self.0)) }
    }
    /// The values of an array or object, with their names, which are empty in an array.
    pub fn items(self) -> Items<'a> {
        Items { of: self, at: Value(Self::MISSING, PhantomData) }
    }
}

#[derive(Clone)]
pub struct Items<'a> {
    of: Value<'a>,
    at: Value<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut name = Str { data: ptr::null(), len: 0 };
        self.at.0 = unsafe { (self.of.host()?.value_next)(self.of.0, self.at.0, &mut name) };
        if !self.at.exists() {
            self.of.0 = Value::MISSING; // or it would begin again
            return None;
        }
        Some((unsafe { from_c(name) }.unwrap_or(""), self.at))
    }
}

// ---- Events and commands -------------------------------------------------------------------------

pub struct Event<'a>(&'a RawEvent);

impl<'a> Event<'a> {
    pub fn prefix(&self) -> u32 {
        self.0.prefix
    }
    pub fn type_(&self) -> &'a str {
        unsafe { from_c(self.0.type_) }.unwrap_or("")
    }
    /// The part of the type after the prefix.
    pub fn suffix(&self) -> &'a str {
        unsafe { from_c(self.0.suffix) }.unwrap_or("")
    }
    pub fn id(&self) -> Option<&'a str> {
        unsafe { from_c(self.0.id) }
    }
    pub fn source(&self) -> Option<&'a str> {
        unsafe { from_c(self.0.source) }
    }
    pub fn subject(&self) -> Option<&'a str> {
        unsafe { from_c(self.0.subject) }
    }
    pub fn time(&self) -> Option<&'a str> {
        unsafe { from_c(self.0.time) }
    }
    pub fn data(&self) -> Value<'a> {
        Value(self.0.data, PhantomData)
    }
    pub fn attributes(&self) -> Value<'a> {
        Value(self.0.attributes, PhantomData)
    }
}

pub struct Command<'a>(&'a RawCommand);

impl<'a> Command<'a> {
    pub fn verb(&self) -> &'a str {
        unsafe { from_c(self.0.verb) }.unwrap_or("")
    }
    pub fn key(&self) -> &'a str {
        unsafe { from_c(self.0.key) }.unwrap_or("")
    }
    pub fn time(&self) -> &'a str {
        unsafe { from_c(self.0.time) }.unwrap_or("")
    }
    pub fn body(&self) -> Value<'a> {
        Value(self.0.body, PhantomData)
    }
    /// In whose name the command is given, for people.
    pub fn principal(&self) -> Option<&'a str> {
        unsafe { from_c(self.0.principal) }
    }
}

// ---- Records -------------------------------------------------------------------------------------

/// One call of `evolve` or `derive`.
pub struct Tx<'a>(*mut Handle, PhantomData<&'a ()>);

impl<'a> Tx<'a> {
    pub fn find(&self, key: &str) -> Option<Record<'a>> {
        let found = unsafe { (host(self.0).find)(self.0, to_c(key)) };
        (!found.is_null()).then(|| Record(found, PhantomData))
    }
    pub fn upsert(&self, key: &str) -> Record<'a> {
        Record(unsafe { (host(self.0).upsert)(self.0, to_c(key)) }, PhantomData)
    }
    pub fn remove(&self, key: &str) {
        unsafe { (host(self.0).remove)(self.0, to_c(key)) }
    }
    /// `kind` is the same for all warnings of one kind: see reel_warn in record.h.
    pub fn warn(&self, kind: &str, message: &str) {
        unsafe { (host(self.0).warn)(self.0, to_c(kind), to_c(message)) }
    }
    /// A setting that the projector declares. `None` if it has no value.
    pub fn setting(&self, name: Text) -> Option<&'a str> {
        self.setting_item(name, 0)
    }
    /// The n-th item of a SETTING_LIST; `None` after the last.
    pub fn setting_item(&self, name: Text, n: usize) -> Option<&'a str> {
        unsafe { from_c((host(self.0).setting_str)(self.0, name, n)) }
    }
    /// The value of a SETTING_NUMBER; 1 or 0 for a SETTING_SWITCH.
    pub fn setting_number(&self, name: Text) -> u64 {
        unsafe { (host(self.0).setting_number)(self.0, name) }
    }
}

/// A record. After an error of the host it is NULL, and the functions do nothing.
#[derive(Clone, Copy)]
pub struct Record<'a>(*mut Handle, PhantomData<&'a ()>);

impl<'a> Record<'a> {
    fn host(&self) -> Option<&'a Host> {
        unsafe { self.0.as_ref().map(|handle| &*handle.host) }
    }
    fn set(&self, call: impl FnOnce(&Host, *mut Handle)) -> &Self {
        if let Some(host) = self.host() {
            call(host, self.0);
        }
        self
    }
    pub fn set_null(&self, field: Text) -> &Self {
        self.set(|host, record| unsafe { (host.set_null)(record, field) })
    }
    pub fn set_str(&self, field: Text, value: &str) -> &Self {
        self.set(|host, record| unsafe { (host.set_str)(record, field, to_c(value)) })
    }
    pub fn set_str_or_null(&self, field: Text, value: Option<&str>) -> &Self {
        self.set(|host, record| unsafe { (host.set_str)(record, field, to_c_or_none(value)) })
    }
    pub fn set_int(&self, field: Text, value: i64) -> &Self {
        self.set(|host, record| unsafe { (host.set_int)(record, field, value) })
    }
    pub fn set_number(&self, field: Text, value: f64) -> &Self {
        self.set(|host, record| unsafe { (host.set_number)(record, field, value) })
    }
    pub fn set_bool(&self, field: Text, value: bool) -> &Self {
        self.set(|host, record| unsafe { (host.set_bool)(record, field, value) })
    }
    pub fn set_json(&self, field: Text, value: Value) -> &Self {
        self.set(|host, record| unsafe { (host.set_json)(record, field, value.0) })
    }
    /// Builds the value of a FIELD_JSON.
    pub fn write(&self, field: Text) -> Writer<'a> {
        let begin = |host: &Host| unsafe { (host.write_field)(self.0, field) };
        Writer(self.host().map_or(ptr::null_mut(), begin), PhantomData)
    }

    /// `None` if the field is null or has another kind.
    pub fn str(&self, field: Text) -> Option<&'a str> {
        unsafe { from_c((self.host()?.field_str)(self.0, field)) }
    }
    pub fn int(&self, field: Text) -> Option<i64> {
        let host = self.host()?;
        got(|ret| unsafe { (host.field_int)(self.0, field, ret) })
    }
    pub fn number(&self, field: Text) -> Option<f64> {
        let host = self.host()?;
        got(|ret| unsafe { (host.field_number)(self.0, field, ret) })
    }
    pub fn bool(&self, field: Text) -> Option<bool> {
        let host = self.host()?;
        got(|ret| unsafe { (host.field_bool)(self.0, field, ret) })
    }
    pub fn json(&self, field: Text) -> Option<&'a str> {
        unsafe { from_c((self.host()?.field_json)(self.0, field)) }
    }
    pub fn value(&self, field: Text) -> Value<'a> {
        let found = self.host().map(|host| unsafe { (host.field_value)(self.0, field) });
        Value(found.unwrap_or(Value::MISSING), PhantomData)
    }
}

/// What one event has changed in one record of the source of a derived collection. To change a record
/// of the source is a fault, and the event is rejected.
pub struct Change<'a>(&'a RawChange);

impl<'a> Change<'a> {
    pub fn key(&self) -> &'a str {
        unsafe { from_c(self.0.key) }.unwrap_or("")
    }
    /// As it was before the event; `None`: the event made it.
    pub fn before(&self) -> Option<Record<'a>> {
        (!self.0.before.is_null()).then(|| Record(self.0.before as *mut Handle, PhantomData))
    }
    /// As it is now; `None`: the event deleted it.
    pub fn after(&self) -> Option<Record<'a>> {
        (!self.0.after.is_null()).then(|| Record(self.0.after as *mut Handle, PhantomData))
    }
    /// Of the event; in a rebuild from records, the cursor of the source.
    pub fn seq(&self) -> u64 {
        self.0.seq
    }
}

/// Builds a JSON value, piece by piece: see reel/writer.h.
pub struct Writer<'a>(*mut Handle, PhantomData<&'a ()>);

impl<'a> Writer<'a> {
    fn write(&self, call: impl FnOnce(&Host, *mut Handle)) -> &Self {
        if !self.0.is_null() {
            call(unsafe { host(self.0) }, self.0);
        }
        self
    }
    pub fn object(&self) -> &Self {
        self.write(|host, writer| unsafe { (host.write_object)(writer) })
    }
    pub fn array(&self) -> &Self {
        self.write(|host, writer| unsafe { (host.write_array)(writer) })
    }
    pub fn end(&self) -> &Self {
        self.write(|host, writer| unsafe { (host.write_end)(writer) })
    }
    pub fn name(&self, name: &str) -> &Self {
        self.write(|host, writer| unsafe { (host.write_name)(writer, to_c(name)) })
    }
    pub fn str(&self, value: &str) -> &Self {
        self.write(|host, writer| unsafe { (host.write_str)(writer, to_c(value)) })
    }
    pub fn str_or_null(&self, value: Option<&str>) -> &Self {
        self.write(|host, writer| unsafe { (host.write_str)(writer, to_c_or_none(value)) })
    }
    pub fn int(&self, value: i64) -> &Self {
        self.write(|host, writer| unsafe { (host.write_int)(writer, value) })
    }
    pub fn number(&self, value: f64) -> &Self {
        self.write(|host, writer| unsafe { (host.write_number)(writer, value) })
    }
    pub fn bool(&self, value: bool) -> &Self {
        self.write(|host, writer| unsafe { (host.write_bool)(writer, value) })
    }
    pub fn null(&self) -> &Self {
        self.write(|host, writer| unsafe { (host.write_null)(writer) })
    }
    pub fn value(&self, value: Value) -> &Self {
        self.write(|host, writer| unsafe { (host.write_value)(writer, value.0) })
    }
}

// ---- Decisions -----------------------------------------------------------------------------------

/// One call of `decide`.
pub struct Decision<'a>(*mut Handle, PhantomData<&'a ()>);

impl<'a> Decision<'a> {
    /// A record of any collection. To change it is a fault, and the command is refused.
    pub fn lookup(&self, collection: Text, key: &str) -> Option<Record<'a>> {
        let found = unsafe { (host(self.0).lookup)(self.0, collection, to_c(key)) };
        (!found.is_null()).then(|| Record(found as *mut Handle, PhantomData))
    }
    pub fn draft(&self, event_type: &str, subject: Option<&str>) -> Draft<'a> {
        let subject = to_c_or_none(subject);
        let drafted = unsafe { (host(self.0).draft)(self.0, to_c(event_type), subject) };
        Draft(drafted, PhantomData)
    }
    /// See `Tx::setting`.
    pub fn setting(&self, name: Text) -> Option<&'a str> {
        self.setting_item(name, 0)
    }
    pub fn setting_item(&self, name: Text, n: usize) -> Option<&'a str> {
        unsafe { from_c((host(self.0).decision_setting_str)(self.0, name, n)) }
    }
    pub fn setting_number(&self, name: Text) -> u64 {
        unsafe { (host(self.0).decision_setting_number)(self.0, name) }
    }
}

/// An event that a decision writes.
pub struct Draft<'a>(*mut Handle, PhantomData<&'a ()>);

impl<'a> Draft<'a> {
    fn set(&self, call: impl FnOnce(&Host, *mut Handle)) -> &Self {
        if !self.0.is_null() {
            call(unsafe { host(self.0) }, self.0);
        }
        self
    }
    pub fn members(&self, object: Value) -> &Self {
        self.set(|host, draft| unsafe { (host.draft_members)(draft, object.0) })
    }
    pub fn set_value(&self, name: Text, value: Value) -> &Self {
        self.set(|host, draft| unsafe { (host.draft_value)(draft, name, value.0) })
    }
    pub fn set_str(&self, name: Text, value: &str) -> &Self {
        self.set(|host, draft| unsafe { (host.draft_str)(draft, name, to_c(value)) })
    }
    pub fn set_int(&self, name: Text, value: i64) -> &Self {
        self.set(|host, draft| unsafe { (host.draft_int)(draft, name, value) })
    }
    /// Builds the value of a member.
    pub fn write(&self, name: Text) -> Writer<'a> {
        let mut writer = ptr::null_mut();
        self.set(|host, draft| writer = unsafe { (host.write_member)(draft, name) });
        Writer(writer, PhantomData)
    }
}

// ---- UUIDs ---------------------------------------------------------------------------------------

/// reel_uuid_canonical (reel/uuid.h): a UUID in its lower-case hyphenated form. `given` may also have
/// 32 digits, braces, or "urn:uuid:" before it.
pub fn uuid_canonical(given: &str) -> Option<String> {
    let text = match given.len() {
        38 => given.strip_prefix('{')?.strip_suffix('}')?,
        45 => given.strip_prefix("urn:uuid:")?,
        _ => given,
    };
    let hyphens = [8, 13, 18, 23];
    let digits: String = match text.len() {
        32 => text.to_string(),
        36 if hyphens.iter().all(|at| text.as_bytes()[*at] == b'-') => {
            text.char_indices().filter(|(at, _)| !hyphens.contains(at)).map(|(_, c)| c).collect()
        }
        _ => return None,
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-"))
}

// ---- Times ---------------------------------------------------------------------------------------

pub const NS_PER_S: i64 = 1_000_000_000;

/// Days from 1970-01-01 to a day of the Gregorian calendar: see reel_time_days.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let shifted = year - i64::from(month <= 2);
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

fn month_len(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number that `count` digits at the beginning of `text` make; moves `text` behind them.
fn digits(text: &mut &[u8], count: usize) -> Option<i64> {
    let found = text.get(..count)?;
    *text = &text[count..];
    found.iter().try_fold(0, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
    })
}

fn one_of(text: &mut &[u8], allowed: &[u8]) -> Option<u8> {
    let first = *text.first().filter(|first| allowed.contains(first))?;
    *text = &text[1..];
    Some(first)
}

/// Reads digits after the point; those after the ninth are cut off.
fn fraction_ns(text: &mut &[u8]) -> Option<i64> {
    let (mut unit, mut ns) = (NS_PER_S, 0);
    if one_of(text, b".").is_none() {
        return Some(0);
    }
    loop {
        unit /= 10;
        ns += digits(text, 1)? * unit;
        if !text.first().map_or(false, u8::is_ascii_digit) {
            return Some(ns);
        }
    }
}

fn zone_s(text: &mut &[u8]) -> Option<i64> {
    if one_of(text, b"Zz").is_some() {
        return text.is_empty().then(|| 0);
    }
    let sign = if one_of(text, b"+-")? == b'-' { -60 } else { 60 };
    let hours = digits(text, 2)?;
    one_of(text, b":")?;
    let minutes = digits(text, 2)?;
    (hours <= 23 && minutes <= 59 && text.is_empty()).then(|| (hours * 60 + minutes) * sign)
}

/// reel_time_read (reel/time.h): a time of RFC 3339, in any zone, as ns since 1970 in UTC. `None`:
/// it is not such a time, or does not fit. Only numbers can be compared and subtracted.
pub fn time_read(text: &str) -> Option<i64> {
    let text = &mut text.as_bytes();
    let year = digits(text, 4)?;
    one_of(text, b"-")?;
    let month = digits(text, 2)?;
    one_of(text, b"-")?;
    let day = digits(text, 2)?;
    one_of(text, b"Tt")?;
    let hour = digits(text, 2)?;
    one_of(text, b":")?;
    let minute = digits(text, 2)?;
    one_of(text, b":")?;
    let second = digits(text, 2)?;
    let fraction_ns = fraction_ns(text)?;
    let zone_s = zone_s(text)?;
    let day_exists = (1..=12).contains(&month) && (1..=month_len(year, month)).contains(&day);
    if !day_exists || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let of_day_s = hour * 3600 + minute * 60 + second - zone_s;
    let s = days_from_1970(year, month, day) * 86400 + of_day_s;
    if second == 60 && s % 86400 != 0 {
        return None; // a leap second is at the end of a day in UTC
    }
    let ns = i128::from(s) * i128::from(NS_PER_S) + i128::from(fraction_ns);
    i64::try_from(ns).ok()
}

/// reel_time_write: in UTC, with as many digits of the second as are needed: one time has one text.
pub fn time_write(ns: i64) -> String {
    let (s, fraction_ns) = (ns.div_euclid(NS_PER_S), ns.rem_euclid(NS_PER_S));
    let (days, of_day_s) = (s.div_euclid(86400), s.rem_euclid(86400));
    let mut year = 1970 + if days < 0 { days / 365 - 1 } else { days / 366 }; // or one soon after
    while days_from_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let (mut month, mut day) = (1, days - days_from_1970(year, 1, 1));
    while day >= month_len(year, month) {
        day -= month_len(year, month);
        month += 1;
    }
    let (hour, minute, second) = (of_day_s / 3600, of_day_s / 60 % 60, of_day_s % 60);
    let day = day + 1;
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction_ns > 0 {
        text += format!(".{fraction_ns:09}").trim_end_matches('0');
    }
    text + "Z"
}
