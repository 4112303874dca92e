//! All servers of a framework in turn, again and again, so that what disturbs one disturbs the others as well.

use anyhow::Result;

use super::client::{Crowd, Took};
use super::contestants::{Answer, Around, Contestant, Framework};
use super::server::{Server, keep_to_core};
use crate::goals::{Figure, Goal, Report, figure};
use crate::statistics::median;

/// What the layer may add to a request that is allowed, in percent.
const MOST_COST: f64 = 5.0;

/// A server that is running, and what was measured of it in each round.
struct Running {
    contestant: Contestant,
    answer: Answer,
    _server: Server,
    crowd: Crowd,
    rounds: Vec<Took>,
}

/// Measures a framework's servers, and adds what came out.
pub fn measure(
    framework: Framework,
    rounds: usize,
    requests: usize,
    report: &mut Report,
) -> Result<()> {
    keep_to_core(1);
    let mut running = start(framework)?;
    for _ in 0..rounds {
        for server in &mut running {
            let took = server.crowd.measure(requests, server.answer.status())?;
            server.rounds.push(took);
        }
        // Nobody is always the one who comes after a certain other.
        running.rotate_left(1);
    }
    let section = format!("{}: a request, allowed and denied", framework.as_str());
    let bare = of(&running, Around::Nothing, Answer::Allowed);
    report.add(&section, "bare", plain(bare));
    let with = |took: &Running, last| plain(took).into_iter().chain([last]).collect();
    for around in [Around::Layer, Around::Lines] {
        let layer = of(&running, around, Answer::Allowed);
        report.add(
            &section,
            layer.contestant.name(),
            with(layer, over(layer, bare)),
        );
    }
    for &around in Around::limiters(framework) {
        let [allowed, denied] =
            [Answer::Allowed, Answer::Denied].map(|answer| of(&running, around, answer));
        let name = allowed.contestant.name();
        let is_ours = around != Around::Peer;
        let cost = over(allowed, bare);
        let denial = figure("CPU of an allowed one", times(denied, allowed));
        let (cost, denial) = if is_ours {
            let most = Goal::AtMost(MOST_COST);
            (cost.against(most), denial.against(Goal::AtMost(1.0)))
        } else {
            (cost, denial)
        };
        report.add(&section, &format!("{name}, allowed"), with(allowed, cost));
        report.add(&section, &format!("{name}, denied"), with(denied, denial));
    }
    Ok(())
}

/// Starts them all, and has each answer some requests before anything is measured.
fn start(framework: Framework) -> Result<Vec<Running>> {
    Contestant::all(framework)
        .map(|(contestant, answer)| {
            let server = Server::start(contestant, answer)?;
            let mut crowd = Crowd::connect(server.address, answer)?;
            crowd.send(1_000, answer.status())?;
            Ok(Running {
                contestant,
                answer,
                _server: server,
                crowd,
                rounds: Vec::new(),
            })
        })
        .collect()
}

fn of(running: &[Running], around: Around, answer: Answer) -> &Running {
    let mut found = running.iter();
    found
        .find(|server| server.contestant.around == around && server.answer == answer)
        .unwrap_or(&running[0])
}

fn plain(server: &Running) -> Vec<Figure> {
    let per_second: Vec<f64> = server.rounds.iter().map(|took| took.per_second()).collect();
    vec![
        figure("requests/s", median(&per_second)),
        figure("CPU us", median(&cpu_each(server))),
    ]
}

/// What a server costs beyond another.
fn over(one: &Running, other: &Running) -> Figure {
    figure("CPU over bare %", (times(one, other) - 1.0) * 100.0)
}

/// How many times the processor time of another a request took. Everybody is measured so often, and so briefly, that what
/// disturbs the machine for a while finds its way into everybody's median alike.
fn times(one: &Running, other: &Running) -> f64 {
    median(&cpu_each(one)) / median(&cpu_each(other))
}

fn cpu_each(server: &Running) -> Vec<f64> {
    server.rounds.iter().map(|took| took.cpu_each()).collect()
}
