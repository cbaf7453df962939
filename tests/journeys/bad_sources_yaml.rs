//! Mistakes in sources.yaml: each is told with file, line and column, all at once where there are several, and nothing of the
//! file is applied.

use rfe_tests::Platform;

/// A file, the text at the place that is named (the key at fault, or where a map with a missing key begins), and a word of the
/// explanation.
struct Mistake {
    yaml: &'static str,
    at: &'static str,
    says: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: [\n",
        at: "",
        says: "",
    },
    Mistake { yaml: "version: 2\nsources: []\n", at: "version", says: "version" },
    Mistake { yaml: "sources: []\n", at: "sources", says: "version" },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: Finance\n    kind: csv\n    config: {location: a.csv}\n",
        at: "name: Finance",
        says: "lower-case",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: replay\n    kind: webhook\n",
        at: "name: replay",
        says: "reserved",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    config: {verify: {kind: githup, secret: \"${env:S}\"}}\n",
        at: "kind: githup",
        says: "did you mean `github`",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    config: {verify: {kind: hmac, secret: \"${env:S}\", headr: X}}\n",
        at: "headr",
        says: "did you mean `header`",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    config: {verify: {kind: secret, secret: \"${vault:S}\", header: X}}\n",
        at: "secret: \"",
        says: "is no reference",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: cvs\n    config: {location: a.csv}\n",
        at: "kind",
        says: "csv",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    config: {location: a.csv}\n",
        at: "name: a",
        says: "kind",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {delimiter: \";\"}\n",
        at: "config",
        says: "location",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv, delimeter: \";\"}\n",
        at: "delimeter",
        says: "delimiter",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config:\n      location: a.csv\n      delimiter: \";;\"\n",
        at: "delimiter",
        says: ";;",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    scedule: {every: 5m}\n",
        at: "scedule",
        says: "schedule",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    schedule: {every: five}\n",
        at: "every",
        says: "duration",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    schedule: {cron: \"99 * * * *\"}\n",
        at: "cron",
        says: "99",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    schedule: {cron: \"0 6 * * *\", timezone: Europe/Bonn}\n",
        at: "timezone",
        says: "time zone",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    columns: {b: BIGNUM}\n",
        at: "b: BIGNUM",
        says: "BIGNUM",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    mode: overwrite\n",
        at: "mode",
        says: "replace",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: \"s3://bucket/a.csv\", s3: {access_key: k, secret_key: plain}}\n",
        at: "secret_key",
        says: "reference",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    mode: replace\n",
        at: "mode",
        says: "append",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    retry: {attempts: 0}\n",
        at: "attempts",
        says: "attempts",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: csv\n    config: {location: a.csv}\n    on_bad_row: {quarantine: {max_share: 2}}\n",
        at: "max_share",
        says: "share",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: rest\n    config: {url: \"ftp://x/y\"}\n",
        at: "url",
        says: "http",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: rest\n    config:\n      url: http://x/y\n      pagination: {kind: pages}\n",
        at: "kind: pages",
        says: "page",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    config: {max_body: 1GiB}\n",
        at: "max_body",
        says: "25",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n  - name: b\n    kind: webhook\n  - name: a\n    kind: webhook\n",
        at: "name: a\n    kind: webhook\n@last",
        says: "taken",
    },
    Mistake {
        yaml: "version: 1\nsources:\n  - name: a\n    kind: webhook\n    name: b\n",
        at: "name: b",
        says: "name",
    },
    Mistake { yaml: "version: 1\nsources: everything\n", at: "sources", says: "sources" },
];

#[tokio::test]
async fn each_mistake_is_told_with_its_place_and_nothing_is_applied() {
    let platform = Platform::start().await;
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        platform.write("sources.yaml", mistake.yaml);
        let answer = platform.rfe(&["apply", "-f", "sources.yaml"]).await;
        let place = place(mistake);
        let told = answer.stderr.contains(&place) && answer.stderr.contains(mistake.says);
        if answer.code != 78 || !told || !answer.stdout.is_empty() {
            wrong.push(format!(
                "{}expected exit code 78 and `{place}...{}`\ngot {}: {}{}",
                mistake.yaml, mistake.says, answer.code, answer.stdout, answer.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty(), "nothing was applied");
}

#[tokio::test]
async fn several_mistakes_are_told_at_once() {
    let platform = Platform::start().await;
    platform.write(
        "sources.yaml",
        "version: 1\nsources:\n  - {name: good, kind: webhook}\n  - {name: a, kind: cvs}\n  - {name: B, kind: webhook}\n",
    );
    let answer = platform.rfe(&["apply", "-f", "sources.yaml"]).await;
    assert_ne!(answer.code, 0);
    for place in ["sources.yaml:4:15: sources[1].kind", "sources.yaml:5:6: sources[2].name"] {
        assert!(answer.stderr.contains(place), "{place} is in\n{}", answer.stderr);
    }
    assert!(platform.rfe(&["sources", "--json"]).await.ok().stdout.is_empty(), "all or nothing");
}

#[tokio::test]
async fn applying_twice_changes_nothing_and_pruning_keeps_the_dataset() {
    let platform = Platform::start().await;
    platform.write("a.csv", "id\n1\n");
    let both = "version: 1\nsources:\n- {name: a, kind: csv, config: {location: a.csv}}\n- {name: b, kind: webhook}\n";
    platform.write("sources.yaml", both);
    let actions = |answer: &rfe_tests::cli::Answer| {
        let action = |line: &serde_json::Value| line["action"].as_str().expect("an action").to_owned();
        answer.json_lines().iter().map(action).collect::<Vec<_>>()
    };
    let apply = ["apply", "-f", "sources.yaml", "--json"];
    assert_eq!(actions(&platform.rfe(&apply).await.ok()), ["created", "created"]);
    assert_eq!(actions(&platform.rfe(&apply).await.ok()), ["unchanged", "unchanged"]);
    let _run = platform.pulled("a").await;
    assert_eq!(platform.webhook("made").json("{}").await.status, 200);

    platform.write(
        "sources.yaml",
        "version: 1\nsources:\n- {name: b, kind: webhook, config: {max_body: 2KiB}}\n",
    );
    let pruned = platform.rfe(&["apply", "-f", "sources.yaml", "--prune", "--json"]).await.ok();
    assert_eq!(actions(&pruned), ["updated", "deleted"]);
    assert_eq!(platform.sql("SELECT id FROM a").await, ["1"], "the dataset stays readable");
    let names: Vec<_> = platform.rfe(&["sources", "--json"]).await.ok().json_lines();
    assert_eq!(names.len(), 2, "what the edge made stays: {names:?}");
}

/// `sources.yaml:<line>:<column>: ` of the mistake, both from 1.
fn place(mistake: &Mistake) -> String {
    if mistake.at.is_empty() {
        return "sources.yaml:".to_owned();
    }
    let found = match mistake.at.strip_suffix("@last") {
        Some(text) => mistake.yaml.rfind(text),
        None => mistake.yaml.find(mistake.at),
    };
    let before = &mistake.yaml[..found.expect("the mistake is in the file")];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("sources.yaml:{line}:{column}: ")
}
