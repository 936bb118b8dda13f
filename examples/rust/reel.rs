//! reel.rs: the headers reel/*.h for a projector in Rust, without crates: the structs as they are in
//! C, and safe functions over them. Copy this file beside your plugin; see lib.rs.
//!
//! A projector implements `Project`. `evolve` and `decide` return a `Result`: `?` rejects the event or
//! refuses the command. A panic does the same, with the panic's message as the reason, and never
//! crosses the border; so build with `-C panic=unwind`, which is the default. (Rust aborts the
//! process when memory is exhausted.)
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

// ---- The structs of C ----------------------------------------------------------------------------

pub const MAGIC: u32 = 0x4c45_4552;
pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 0;

/// NUL-terminated text that lives for ever: `text!("id")`; or `Text::NONE`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Text(*const u8);
unsafe impl Sync for Text {}

impl Text {
    pub const NONE: Text = Text(ptr::null());

    /// For `text!`, which adds the NUL.
    pub const fn new(with_nul: &'static str) -> Text {
        assert!(with_nul.as_bytes()[with_nul.len() - 1] == 0);
        Text(with_nul.as_ptr())
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
    pub values: *const Text,
    pub filter: Text,
    pub refers_to: Text,
}
unsafe impl Sync for Field {}

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
    pub members: *const Option<&'static Member>,
    pub example: Text,
}
unsafe impl Sync for CommandInfo {}

#[repr(C)]
pub struct Member {
    pub struct_size: u32,
    pub flags: u32,
    pub name: Text,
    pub kind: u32,
    pub reserved: u32,
    pub values: *const Text,
    pub items: Option<&'static Member>,
    pub members: *const Option<&'static Member>,
    pub summary: Text,
}
unsafe impl Sync for Member {}

#[repr(C)]
pub struct EventInfo {
    pub struct_size: u32,
    pub flags: u32,
    pub type_: Text,
    pub summary: Text,
    pub members: *const Option<&'static Member>,
    pub example: Text,
}
unsafe impl Sync for EventInfo {}

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
    pub values: *const Text,
    pub aliases: Text,
    pub check: Option<unsafe extern "C" fn(*const u8, *mut Error) -> bool>,
}
unsafe impl Sync for Setting {}

#[repr(C)]
pub struct Projector {
    pub struct_size: u32,
    pub flags: u32,
    pub revision: u32,
    pub revision_compatible: u32,
    pub collection: Text,
    pub type_prefixes: *const Text,
    pub fields: *const Option<&'static Field>,
    pub evolve: unsafe extern "C" fn(*mut Handle, *const RawEvent) -> i32,
    pub canonical_key: Option<unsafe extern "C" fn(Str, *mut Key) -> bool>,
    pub commands: *const Option<&'static CommandInfo>,
    pub decide: Option<unsafe extern "C" fn(*mut Handle, *const RawCommand) -> i32>,
    pub settings: *const Option<&'static Setting>,
    pub events: *const Option<&'static EventInfo>,
}
unsafe impl Sync for Projector {}

#[repr(C)]
pub struct Plugin {
    pub header: Header,
    pub flags: u32,
    pub name: Text,
    pub version: Text,
    pub projectors: *const Option<&'static Projector>,
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
            values: ptr::null(),
            filter: Text::NONE,
            refers_to: Text::NONE,
        }
    }
}

impl CommandInfo {
    pub const fn new(verb: Text, summary: Text) -> CommandInfo {
        let struct_size = mem::size_of::<CommandInfo>() as u32;
        let (members, example) = (ptr::null(), Text::NONE);
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
            values: ptr::null(),
            items: None,
            members: ptr::null(),
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
        let (members, example) = (members.as_ptr(), Text::NONE);
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
            values: ptr::null(),
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
    /// With revision 1. `prefixes` ends with `Text::NONE`, `fields` with `None`.
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
            type_prefixes: prefixes.as_ptr(),
            fields: fields.as_ptr(),
            evolve: evolve::<P>,
            canonical_key: None,
            commands: ptr::null(),
            decide: None,
            settings: ptr::null(),
            events: ptr::null(),
        }
    }

    /// The same projector with commands, which `Project::decide` decides.
    pub const fn with_commands<P: Project>(
        self,
        commands: &'static [Option<&'static CommandInfo>],
    ) -> Projector {
        Projector { commands: commands.as_ptr(), decide: Some(decide::<P>), ..self }
    }

    /// The same projector with settings. The list ends with `None`.
    pub const fn with_settings(self, settings: &'static [Option<&'static Setting>]) -> Projector {
        Projector { settings: settings.as_ptr(), ..self }
    }

    /// The same projector with declared events. The list ends with `None`.
    pub const fn with_events(self, events: &'static [Option<&'static EventInfo>]) -> Projector {
        Projector { events: events.as_ptr(), ..self }
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
            projectors: projectors.as_ptr(),
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
    Invalid = 1,
    Conflict = 2,
    NotFound = 3,
    TooLarge = 4,
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
        format!("it panicked: {text}")
    })
}

unsafe extern "C" fn evolve<P: Project>(tx: *mut Handle, event: *const RawEvent) -> i32 {
    let tx = Tx(tx, PhantomData);
    match guarded(|| P::evolve(&tx, &Event(&*event))) {
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

// ---- Strings and values --------------------------------------------------------------------------

fn to_c(text: &str) -> Str {
    Str { data: text.as_ptr(), len: text.len() }
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

/// One call of `evolve`.
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
        let subject = subject.map_or(Str { data: ptr::null(), len: 0 }, to_c);
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
