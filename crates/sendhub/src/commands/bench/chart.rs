//! Charts of a report: horizontal bars, one unit, as SVG.

use anyhow::{Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Color as _, IntoDrawingArea as _, Rectangle, SVGBackend, SegmentValue, Text, WHITE,
};
use plotters::prelude::{IntoSegmentedCoord as _, RGBColor};
use plotters::style::{IntoFont as _, TextStyle};

use super::section::Chart;

const WIDTH: u32 = 900;
/// Height of one bar with its room.
const BAR: u32 = 26;
const MARGIN: u32 = 70;
const NAMES: u32 = 260;
const COLOUR: RGBColor = RGBColor(29, 112, 184);

/// The picture's text.
pub(super) fn svg(title: &str, chart: &Chart) -> Result<String> {
    let mut out = String::new();
    let count = u32::try_from(chart.bars.len())?;
    draw(&mut out, title, chart, count).map_err(|error| anyhow!("a chart cannot be drawn: {error}"))?;
    Ok(out)
}

fn draw(
    out: &mut String,
    title: &str,
    chart: &Chart,
    count: u32,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(out, (WIDTH, count * BAR + 2 * MARGIN)).into_drawing_area();
    area.fill(&WHITE)?;
    let most = chart.bars.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
    let mut context = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(0.0..most * 1.15, (0..count.max(1)).into_segmented())?;
    // The first stands on top.
    let name = |at: &SegmentValue<u32>| match at {
        SegmentValue::CenterOf(row) => count
            .checked_sub(row + 1)
            .and_then(|row| chart.bars.get(row as usize))
            .map(|(name, _)| name.clone())
            .unwrap_or_default(),
        _ => String::new(),
    };
    context
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(chart.bars.len().max(1))
        .y_label_formatter(&name)
        .x_desc(chart.unit)
        .label_style(("sans-serif", 13))
        .draw()?;
    let style = TextStyle::from(("sans-serif", 12).into_font());
    for (row, (_, value)) in (0..count).rev().zip(&chart.bars) {
        let (low, high) = (SegmentValue::Exact(row), SegmentValue::Exact(row + 1));
        let mut bar = Rectangle::new([(0.0, low), (*value, high)], COLOUR.filled());
        bar.set_margin(4, 4, 0, 0);
        context.draw_series([bar])?;
        let shown = if *value < 100.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        };
        context.draw_series([Text::new(
            shown,
            (value + most * 0.01, SegmentValue::CenterOf(row)),
            style.clone(),
        )])?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_names_its_bars_and_shows_their_values() {
        let chart = Chart {
            unit: "a second",
            bars: vec![("echo at 64".into(), 1234.0), ("inserts".into(), 56.0)],
        };
        let svg = svg("One", &chart).unwrap();
        for text in ["<svg", "echo at 64", "inserts", "1234", "56.0", "a second"] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
    }
}
