//! On what a report was measured: processor, memory, kernel, versions.

use std::path::Path;

/// The machine in one sentence, as far as it tells; names no path and no host.
pub(super) fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpus = read("/proc/cpuinfo");
    let model = field(&cpus, "model name").unwrap_or("processor not named");
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or_else(
            || "memory not told".to_owned(),
            |kib| format!("{} GiB memory", kib >> 20),
        );
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores ({model}), {memory}, Linux {}, SEND Hub {} ({})",
        kernel.trim(),
        env!("CARGO_PKG_VERSION"),
        if cfg!(debug_assertions) {
            "debug build: no figure counts"
        } else {
            "release build"
        },
    )
}

/// The resident memory of a process in bytes, if it runs and the system tells it.
pub(super) fn resident(process: u32) -> Option<u64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(Path::new(&path)).ok()?;
    let kib: u64 = field(&status, "VmRSS")?.split(' ').next()?.parse().ok()?;
    Some(kib * 1024)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .trim_start()
            .strip_prefix(':')
            .map(str::trim)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(field("MemTotal:   12 kB\n", "MemTotal"), Some("12 kB"));
        assert_eq!(field("model name\t: X\n", "model name"), Some("X"));
    }
}
