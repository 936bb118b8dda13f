//! uuid.rs: `uuid_canonical` of examples/rust/reel.rs.
#[path = "../../examples/rust/reel.rs"]
mod reel;

use reel::uuid_canonical;

const CANONICAL: &str = "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01";

const READ: [&str; 6] = [
    CANONICAL,
    "5F0C4A4E-8D3B-4D0E-9F5A-0C6D1B7E2A01",
    "5f0c4a4e8d3b4d0e9f5a0c6d1b7e2a01",
    "{5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01}",
    "{5F0C4A4E-8d3b-4d0e-9f5a-0c6d1b7e2a01}",
    "urn:uuid:5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01",
];

const REFUSED: [&str; 13] = [
    "",
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a0",
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a012",
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a0g",
    "5f0c4a4e8d3b4d0e9f5a0c6d1b7e2a0-",
    "5f0c4a4e-8d3b-4d0e-9f5a00c6d1b7e2a01",
    "-5f0c4a4e8d3b-4d0e-9f5a-0c6d1b7e2a01",
    "{5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01",
    "(5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01)",
    "{5f0c4a4e8d3b4d0e9f5a0c6d1b7e2a01}",
    "URN:UUID:5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01",
    "5f0c4a4\u{e4}8d3b4d0e9f5a0c6d1b7e2a01",
    "5f0c4a4\u{e4}-d3b-4d0e-9f5a-0c6d1b7e2a01",
];

fn main() {
    for given in READ {
        assert_eq!(uuid_canonical(given).as_deref(), Some(CANONICAL), "{}", given);
    }
    for given in REFUSED {
        assert_eq!(uuid_canonical(given), None, "{}", given);
    }
}
