//! A browser without a window: Chromium, by the protocol of its driver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Set to `required`, a test without a browser fails instead of passing for nothing.
const DEMAND: &str = "SESSION_POOL_BROWSER";
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A browser that runs. It ends when this is dropped.
pub(super) struct Browser {
    runtime: Runtime,
    client: reqwest::Client,
    /// The address of its session.
    session: String,
    driver: Child,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None`, where there is none on this machine and none is demanded.
    pub(super) fn start() -> Option<Self> {
        let is_there = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|directory| directory.join(program).exists())
        };
        if !(is_there("chromedriver") && is_there("chromium")) {
            let is_demanded = std::env::var(DEMAND).is_ok_and(|value| value == "required");
            assert!(!is_demanded, "{DEMAND}=required, and there are no chromium and chromedriver");
            eprintln!("no chromium and chromedriver: nothing is tested");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = port(&mut driver);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let session = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { runtime, client, session, driver, profile };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", browser.profile.path().display()));
        let wanted = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        });
        let session = browser.call("", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().unwrap());
        Some(browser)
    }

    fn call(&self, command: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{command}", self.session)).body(body.to_string());
        let text = self.runtime.block_on(async { request.send().await?.text().await }).unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["value"]["error"].is_null(), "{command} {body}: {answer:#}");
        answer["value"].clone()
    }

    /// What is in Chromium's own protocol only.
    fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.call("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Shows a file, in a window of this width.
    pub(super) fn open(&self, file: &std::path::Path, width: u32, scheme: &str) {
        self.show(file, width, scheme);
        // Charts are drawn when their width is known: with the first frame.
        self.until("return document.querySelector('.chart svg, .none') !== null");
    }

    fn show(&self, file: &std::path::Path, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.chromium("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.chromium("Emulation.setEmulatedMedia", &media);
        let url = reqwest::Url::from_file_path(file).unwrap();
        self.call("/url", &json!({ "url": url.as_str() }));
    }

    /// The same, but no script of the page runs.
    pub(super) fn open_without_scripts(&self, file: &std::path::Path, width: u32, scheme: &str) {
        self.chromium("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
        self.show(file, width, scheme);
    }

    /// Shows the page as it is printed.
    pub(super) fn print(&self) {
        self.chromium("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    }

    /// What a function of this body returns. It runs in the page's own world.
    pub(super) fn run(&self, body: &str) -> Value {
        self.call("/execute/sync", &json!({ "script": body, "args": [] }))
    }

    /// Waits until a function of this body returns true.
    pub(super) fn until(&self, body: &str) {
        let began = Instant::now();
        while self.run(body) != true {
            assert!(began.elapsed() < MAX_WAIT, "in vain: {body}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys where the focus is, as a hand does.
    pub(super) fn press(&self, keys: &[&str]) {
        let press = |key: &&str| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let keys: Vec<Value> = keys.iter().flat_map(press).collect();
        self.call("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] }));
    }

    /// Clicks on what a selector finds first, as a hand does.
    pub(super) fn click(&self, selector: &str) {
        let found = self.call("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        self.call(&format!("/element/{id}/click"), &json!({}));
    }

    /// What the console has got since it was last asked.
    pub(super) fn console(&self) -> Vec<String> {
        let log = self.call("/se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }
}

/// The port that the driver says it listens on.
fn port(driver: &mut Child) -> u16 {
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
    port.expect("it says which port it listens on")
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with its session.
        let _ = self.runtime.block_on(self.client.delete(&self.session).send());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
