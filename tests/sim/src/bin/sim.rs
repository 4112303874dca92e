//! Replays one seed with its timeline.
use tidegate_sim::scenario::{FAMILIES, Scenario};

fn main() {
    let mut args = std::env::args().skip(1);
    let family = args.next().and_then(|name| {
        FAMILIES
            .into_iter()
            .find(|family| format!("{family:?}") == name)
    });
    let seed = args.next().and_then(|seed| seed.parse().ok());
    let (Some(family), Some(seed)) = (family, seed) else {
        eprintln!("usage: sim FAMILY SEED");
        std::process::exit(2);
    };
    let scenario = Scenario::draw(family, seed);
    let (world, verdict) = scenario.run(true);
    for line in world.timeline.iter().flatten() {
        println!("{line}");
    }
    println!("{scenario:?}");
    println!("by window {:?}", world.oracle.by_charged_window(0));
    println!("{verdict:?}");
}
