//! The plots, as SVG to stand in the page.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::figures::Figures;
use crate::runs::{Ran, Report};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Colours that people with any sight tell apart (Okabe and Ito 2008).
pub(crate) const MESHWARD: RGBColor = RGBColor(0, 114, 178);
pub(crate) const NAIVE: RGBColor = RGBColor(213, 94, 0);
const LINES: [RGBColor; 7] = [
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
];
const INK: RGBColor = RGBColor(34, 40, 49);
const QUIET: RGBColor = RGBColor(110, 118, 129);
const RULE: RGBColor = RGBColor(225, 228, 232);
const FONT: &str = "system-ui, sans-serif";

fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).unwrap();
        area.present().unwrap();
    }
    // It is as wide as its place in the page.
    let (width, height) = size;
    let fixed = format!("<svg width=\"{width}\" height=\"{height}\" ");
    text.replacen(&fixed, "<svg role=\"img\" ", 1)
}

fn words(size: i32, color: RGBColor, at: (HPos, VPos)) -> TextStyle<'static> {
    (FONT, size).into_font().color(&color).pos(Pos::new(at.0, at.1))
}

/// What a row of bars shows of each mesh; `None` where there is nothing to show.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) meshward: Option<f64>,
    pub(crate) naive: Option<f64>,
}

/// How long bars are.
pub(crate) struct Scale {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) is_logarithmic: bool,
    /// Where a line stands, and what it says.
    pub(crate) bar: Option<(f64, &'static str)>,
    pub(crate) ticks: &'static [f64],
    pub(crate) unit: &'static str,
    /// What stands where there is no bar.
    pub(crate) none: &'static str,
}

impl Scale {
    fn part(&self, value: f64) -> f64 {
        let value = value.clamp(self.from, self.to);
        match self.is_logarithmic {
            true => (value / self.from).ln() / (self.to / self.from).ln(),
            false => (value - self.from) / (self.to - self.from),
        }
    }
}

fn short(value: f64) -> String {
    match value {
        value if value.fract().abs() < 0.0005 || value >= 1_000.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Two bars for each scenario.
pub(crate) fn bars(rows: &[Row], scale: &Scale) -> String {
    const LEFT: i32 = 150;
    const RIGHT: i32 = 70;
    const TOP: i32 = 26;
    const HEIGHT: i32 = 34;
    let size = (640, (TOP + HEIGHT * rows.len() as i32 + 14) as u32);
    svg(size, |area| {
        let width = f64::from(size.0 as i32 - LEFT - RIGHT);
        let x = |value: f64| LEFT + (scale.part(value) * width) as i32;
        let bottom = size.1 as i32 - 10;
        for tick in scale.ticks {
            let line = vec![(x(*tick), TOP), (x(*tick), bottom)];
            area.draw(&PathElement::new(line, RULE))?;
            let text = format!("{}{}", short(*tick), scale.unit);
            area.draw_text(
                &text,
                &words(12, QUIET, (HPos::Center, VPos::Bottom)),
                (x(*tick), TOP - 6),
            )?;
        }
        for (at, row) in rows.iter().enumerate() {
            let y = TOP + HEIGHT * at as i32 + 4;
            let style = words(14, INK, (HPos::Right, VPos::Center));
            area.draw_text(&row.label, &style, (LEFT - 10, y + 13))?;
            for (of, value, color) in [(0, row.meshward, MESHWARD), (1, row.naive, NAIVE)] {
                let y = y + 14 * of;
                let text = match value {
                    Some(value) => {
                        let bar = [(LEFT, y), (x(value).max(LEFT + 2), y + 12)];
                        area.draw(&Rectangle::new(bar, color.filled()))?;
                        format!("{}{}", short(value), scale.unit)
                    }
                    None => scale.none.into(),
                };
                let end = value.map_or(LEFT, |value| x(value).max(LEFT + 2));
                let style = words(12, QUIET, (HPos::Left, VPos::Center));
                area.draw_text(&text, &style, (end + 6, y + 6))?;
            }
        }
        if let Some((value, says)) = scale.bar {
            let line = vec![(x(value), TOP - 4), (x(value), bottom)];
            area.draw(&PathElement::new(line, INK.stroke_width(2)))?;
            let style = words(12, INK, (HPos::Left, VPos::Top));
            area.draw_text(says, &style, (x(value) + 4, bottom - 8))?;
        }
        Ok(())
    })
}

struct Line {
    label: String,
    color: RGBColor,
    width: u32,
    points: Vec<(f64, f64)>,
}

/// Lines over a common x; shares in percent on y.
fn lines(x: (f64, &str), y: &str, of: Vec<Line>) -> String {
    svg((640, 340), |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..x.0, 0.0..103.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RULE)
            .axis_style(QUIET)
            .x_desc(x.1)
            .y_desc(y)
            .y_labels(6)
            .x_labels(8)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0} %"))
            .label_style((FONT, 13).into_font().color(&QUIET))
            .axis_desc_style((FONT, 14).into_font().color(&INK))
            .draw()?;
        for line in of {
            let style = line.color.stroke_width(line.width);
            let legend = move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], style);
            chart
                .draw_series(LineSeries::new(line.points, style))?
                .label(line.label)
                .legend(legend);
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .margin(10)
            .background_style(WHITE.mix(0.85))
            .border_style(RULE)
            .label_font((FONT, 13).into_font().color(&INK))
            .draw()?;
        Ok(())
    })
}

/// The share of honest messages that was there after so long, in the scenarios under attack.
pub(crate) fn delays(ran: &[&Ran], of: impl Fn(&Ran) -> &Figures) -> String {
    let longest = ran.iter().map(|ran| &ran.meshward);
    let longest = longest.filter_map(|figures| figures.delay(0.99)).max().unwrap_or(1);
    let longest = f64::from((longest * 5 / 4).next_multiple_of(20));
    let line = |(at, ran): (usize, &&Ran)| {
        let figures = of(ran);
        let (delays, all) = (&figures.delays, figures.expected.max(1) as f64);
        let step = (delays.len() / 200).max(1);
        let mut points = vec![(0.0, 0.0)];
        let counted = delays.iter().enumerate().step_by(step);
        points.extend(counted.map(|(at, ms)| (f64::from(*ms), (at + 1) as f64 * 100.0 / all)));
        points.retain(|(ms, _)| *ms <= longest);
        points.push((longest, figures.delivery() * 100.0));
        let (label, color) = (ran.scenario.title.clone(), LINES[at % LINES.len()]);
        Line { label, color, width: 2, points }
    };
    let of = ran.iter().enumerate().map(line).collect();
    lines((longest, "milliseconds after it was said"), "honest messages delivered", of)
}

/// How much arrives over links that lose packets.
pub(crate) fn loss(report: &Report) -> String {
    let ran: Vec<_> = report.ran.iter().filter(|ran| ran.meshward.ideal.is_some()).collect();
    let points = |share: &dyn Fn(&Ran) -> f64| -> Vec<_> {
        ran.iter().map(|ran| (ran.scenario.loss as f64 / 10.0, share(ran) * 100.0)).collect()
    };
    let line =
        |label: &str, color, width, points| Line { label: label.into(), color, width, points };
    let ideal = points(&|ran| ran.meshward.ideal.unwrap_or(0.0));
    let of = vec![
        line("what a perfect flood reaches", RGBColor(190, 196, 204), 10, ideal),
        line("meshward", MESHWARD, 3, points(&|ran| ran.meshward.delivery())),
        line("naive", NAIVE, 2, points(&|ran| ran.naive.delivery())),
    ];
    lines((82.0, "packets lost on each hop, in percent"), "messages delivered", of)
}

/// When honest members came into quarantine at honest members.
pub(crate) fn quarantines(ran: &Ran) -> String {
    let lasts = ran.scenario.lasts_ms as f64 / 1000.0;
    let line = |label: &str, color, figures: &Figures| {
        let pairs = (figures.honest * figures.honest.saturating_sub(1)).max(1) as f64;
        let (mut points, mut share) = (vec![(0.0, 0.0)], 0.0);
        for (count, at) in figures.framed.iter().enumerate() {
            points.push((*at as f64 / 1000.0, share));
            share = (count + 1) as f64 * 100.0 / pairs;
            points.push((*at as f64 / 1000.0, share));
        }
        points.push((lasts, share));
        Line { label: label.into(), color, width: 3, points }
    };
    let of = vec![line("naive", NAIVE, &ran.naive), line("meshward", MESHWARD, &ran.meshward)];
    lines((lasts, "seconds"), "honest members in quarantine", of)
}
