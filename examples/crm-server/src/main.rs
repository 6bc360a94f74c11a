//! The program; what it does lives in the library.

use std::process::ExitCode;

/// A delivery makes some two hundred small allocations, and what one thread allocates another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    crm_server::cli::main()
}
