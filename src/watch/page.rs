//! The text of a scrape.

use std::collections::BTreeMap;

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};

use super::catalog::{CATALOG, Kind, Metric};
use crate::observe::{BOUNDS, Spread};

/// The content type of the text (Prometheus, "Text-based format").
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Values as they are collected.
#[derive(Default)]
pub(super) struct Page {
    samples: BTreeMap<&'static str, Vec<Sample>>,
}

impl Page {
    /// Adds a value of a counter or gauge; labels in the order of the catalog.
    pub(super) fn set(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        let mut sample = Sample::from_label(pairs(metric, labels));
        if metric.kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        self.samples.entry(metric.name).or_default().push(sample);
    }

    /// The same of a number of things.
    pub(super) fn count(&mut self, metric: &'static Metric, labels: &[&str], number: u64) {
        #[expect(clippy::cast_precision_loss, reason = "the format knows nothing but doubles")]
        self.set(metric, labels, number as f64);
    }

    /// Adds a histogram.
    pub(super) fn spread(&mut self, metric: &'static Metric, spread: &Spread) {
        let mut below = 0;
        let buckets = BOUNDS.iter().zip(spread.within).map(|(bound, number)| {
            below += number;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(spread.count);
        histogram.set_sample_sum(spread.sum);
        let mut sample = Sample::from_label(Vec::new());
        sample.set_histogram(histogram);
        self.samples.entry(metric.name).or_default().push(sample);
    }

    /// The text, in the order of the catalog.
    ///
    /// # Errors
    /// When the encoder refuses, which it does for nothing that can be added here.
    pub(super) fn text(mut self) -> prometheus::Result<String> {
        let mut families = Vec::new();
        for metric in CATALOG {
            let Some(samples) = self.samples.remove(metric.name) else { continue };
            let mut family = MetricFamily::default();
            family.set_name(metric.name.to_owned());
            family.set_help(metric.help.to_owned());
            family.set_field_type(match metric.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge => MetricType::GAUGE,
                Kind::Histogram => MetricType::HISTOGRAM,
            });
            family.set_metric(samples);
            families.push(family);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn pairs(metric: &'static Metric, values: &[&str]) -> Vec<LabelPair> {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let pairs = metric.labels.iter().zip(values).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::catalog;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.count(&catalog::PERSONS, &["present"], 3);
        page.set(&catalog::HALTED, &["a \"b\"\n"], 1.0);
        let mut spread = Spread { count: 3, sum: 90_003.5, ..Spread::default() };
        spread.within[0] = 2;
        page.spread(&catalog::SINCE_SEEN, &spread);
        let text = page.text().unwrap();
        for line in [
            "# HELP seatsync_persons Persons by presence.",
            "# TYPE seatsync_persons gauge",
            "seatsync_persons{presence=\"present\"} 3",
            "seatsync_writing_halted{code=\"a \\\"b\\\"\\n\"} 1",
            "# TYPE seatsync_first_seen_to_licensed_seconds histogram",
            "seatsync_first_seen_to_licensed_seconds_bucket{le=\"1\"} 2",
            "seatsync_first_seen_to_licensed_seconds_bucket{le=\"2.5\"} 2",
            "seatsync_first_seen_to_licensed_seconds_bucket{le=\"+Inf\"} 3",
            "seatsync_first_seen_to_licensed_seconds_sum 90003.5",
            "seatsync_first_seen_to_licensed_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in:\n{text}");
        }
    }

    #[test]
    fn names_are_conventional_and_each_is_there_once() {
        let names: std::collections::BTreeSet<_> = CATALOG.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOG.len());
        for metric in CATALOG {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.') && !metric.help.contains('|'), "{}", metric.help);
            assert!(metric.name.starts_with("seatsync_") || metric.name.starts_with("process_"), "{}", metric.name);
        }
    }
}
