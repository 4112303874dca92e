//! One run as a picture: admitted against the limit, window by window, with the faults behind it.

use std::fmt::Write as _;

use crate::bars::{Bar, bars};
use crate::invariants::Run;
use crate::time::seconds;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 40.0;

/// Draws it.
pub fn draw(run: &Run<'_>) -> String {
    let bars = bars(run);
    let limit = run.scenario.rules[0].quota().limit();
    let most = bars.iter().map(Bar::admitted).max().unwrap_or(0);
    let scale = Scale {
        length: run.scenario.length as f64,
        most: most.max(limit) as f64 * 1.1,
    };
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\">scenario {}, seed {}: admitted in each window on counts (blue) and on shares (orange), limit {limit}</text>\n",
        run.scenario.family, run.scenario.seed
    );
    for fault in &run.scenario.faults {
        // What happens in a moment is drawn all the same.
        let (left, right) = (scale.x(fault.from), scale.x(fault.to));
        let _ = writeln!(
            picture,
            "<rect x=\"{left:.1}\" y=\"{MARGIN}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#e0e0e0\" fill-opacity=\"0.5\"><title>{fault}</title></rect>",
            (right - left).max(2.0),
            HEIGHT - 2.0 * MARGIN
        );
    }
    for bar in &bars {
        picture += &scale.bar(bar, 0, bar.by_count, "#4477aa");
        picture += &scale.bar(bar, bar.by_count, bar.by_share, "#ee8833");
    }
    picture += &scale.axes(limit);
    picture + "</svg>\n"
}

struct Scale {
    length: f64,
    most: f64,
}

impl Scale {
    fn x(&self, at: u64) -> f64 {
        MARGIN + (WIDTH - 2.0 * MARGIN) * (at as f64 / self.length).min(1.0)
    }

    fn y(&self, amount: u64) -> f64 {
        HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * amount as f64 / self.most
    }

    /// A part of a bar that stands on another.
    fn bar(&self, bar: &Bar, on: u64, amount: u64, colour: &str) -> String {
        let (left, right) = (self.x(bar.from), self.x(bar.to));
        let (bottom, top) = (self.y(on), self.y(on + amount));
        format!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{amount} from {:.3} s</title></rect>\n",
            (right - left - 1.0).max(1.0),
            bottom - top,
            seconds(bar.from)
        )
    }

    fn axes(&self, limit: u64) -> String {
        let (y, end) = (self.y(limit), WIDTH - MARGIN);
        let below = HEIGHT - MARGIN;
        let mut lines = format!(
            "<line x1=\"{MARGIN}\" x2=\"{end}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#cc3311\" stroke-dasharray=\"4\"/>\n\
             <text x=\"4\" y=\"{y:.1}\">{limit}</text>\n\
             <line x1=\"{MARGIN}\" x2=\"{end}\" y1=\"{below}\" y2=\"{below}\" stroke=\"black\"/>\n"
        );
        let mut second = 0;
        while (second as f64) * 1e9 <= self.length {
            let x = self.x(second * crate::time::SECOND);
            let _ = writeln!(
                lines,
                "<text x=\"{x:.1}\" y=\"{:.1}\">{second} s</text>",
                below + 16.0
            );
            second += 2;
        }
        lines
    }
}
