//! layout.rs: prints the offset and the size of each member of the structs in examples/rust/reel.rs,
//! as layout.c does for those of the headers. layout_rust_test.py compares the two.
#[path = "../../examples/rust/reel.rs"]
mod reel;

use std::mem::{size_of, MaybeUninit};
use std::ptr::addr_of;

fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

macro_rules! layout {
    ($name:literal, $type:ident { $($member:ident)* }) => {{
        let space = MaybeUninit::<reel::$type>::uninit();
        let base = space.as_ptr();
        println!("struct {}", $name);
        $(
            let member = unsafe { addr_of!((*base).$member) }; // nothing of the space is read
            let offset = member as usize - base as usize;
            let name = stringify!($member).trim_end_matches('_'); // type_, str_: words of Rust
            println!("    {:24} {:4} {:4}", name, offset, size_of_pointee(member));
        )*
        println!("    (size)                        {:4}", size_of::<reel::$type>());
    }};
}

fn main() {
    layout!("reel_str", Str { data len });
    layout!("reel_error", Error { text });
    layout!("reel_header", Header { magic abi_major abi_minor struct_size });
    layout!("reel_json", Json { host });
    layout!("reel_value", RawValue { json at });
    layout!("reel_event", RawEvent {
        struct_size prefix type_ suffix id source subject time data attributes
    });
    layout!("reel_host", Host {
        struct_size abi_major abi_minor
        value_kind value_get value_next value_str value_int value_number value_bool value_json
        find upsert remove reject warn
        set_null set_str set_int set_number set_bool set_json
        field_str field_int field_number field_bool field_json field_value
        write_field write_member write_object write_array write_end write_name
        write_str write_int write_number write_bool write_null write_value
        get_extension
        lookup draft draft_members draft_value draft_str draft_int accept refuse
        setting_str decision_setting_str setting_number decision_setting_number
    });
    layout!("reel_command", RawCommand { struct_size reserved verb key time body principal });
    layout!("reel_setting", Setting {
        struct_size flags name kind reserved min max default_value unit help values aliases check
    });
    layout!("reel_note", Note {
        owner_size content_size type_ owner abi_major abi_minor kinds name version
    });
    layout!("reel_member", Member {
        struct_size flags name kind reserved values items members summary
    });
    layout!("reel_change", RawChange { struct_size reserved key before after seq });
    layout!("reel_event_info", EventInfo { struct_size flags type_ summary members example });
    layout!("reel_field", Field { struct_size flags name kind values filter refers_to });
    layout!("reel_key", Key { str_ scratch });
    layout!("reel_command_info", CommandInfo { struct_size flags verb summary members example });
    layout!("reel_projector", Projector {
        struct_size flags revision revision_compatible collection type_prefixes fields
        evolve canonical_key commands decide settings events derives_from derive
    });
    layout!("reel_plugin", Plugin { header flags name version projectors sinks });
}
