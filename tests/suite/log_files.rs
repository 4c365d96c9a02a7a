//! Log files: for whoever runs the program where nobody reads standard error.

use std::path::Path;

use crate::bench::Bench;

/// The names of the files, in order.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("a name of ours"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn lines_go_to_a_file_for_each_day_and_old_files_go() {
    let mut bench = Bench::start(3).await;
    bench.edit("[log]", "[log]\nformat = \"json\"\ndirectory = \"log\"\nkeep = \"2d\"");
    let directory = bench.path("log");
    std::fs::create_dir(&directory).expect("it is made");
    for day in ["2025-01-01", "2025-01-02", "2025-01-03"] {
        std::fs::write(directory.join(format!("seatsync.{day}.log")), "old").expect("it is written");
    }
    std::fs::write(directory.join("notes.txt"), "somebody else's").expect("it is written");
    let output = bench.output(&["once"]).await;
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // By when they were made, which here is the same moment for the three.
    let left = files(&directory);
    assert_eq!((left.len(), left[0].as_str()), (3, "notes.txt"), "two days are kept: {left:?}");
    let today = left.last().filter(|name| name.as_str() > "seatsync.2025-02").expect("the file of today");
    let text = std::fs::read_to_string(directory.join(today)).expect("it is there");
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON"));
    assert!(lines.into_iter().any(|line| line["event"] == "scan-complete"), "{text}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_said_and_ends_it() {
    let mut bench = Bench::start(3).await;
    bench.write("log", "a file stands where the directory should be");
    bench.edit("[log]", "[log]\ndirectory = \"log\"");
    let output = bench.output(&["once"]).await;
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("[log-unusable]") && said.contains("log"), "{said}");
}
