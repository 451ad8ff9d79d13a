//! The page for reviews in a real browser: it filters, unfolds, loads nothing, and a hostile tag stays text.
//! Chromium is driven over WebDriver; where it is not installed the tests say so and pass, unless
//! `REDRESS_REQUIRE_CHROMIUM=1`. `REDRESS_SCREENSHOTS=DIR` keeps the pictures.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ci::Bench, investigate::event};

/// A browser of its own, without a window and without the network.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _home: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn installed(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

impl Browser {
    /// Nothing where there is no Chromium and nobody demands it.
    fn open(dark: bool) -> Option<Browser> {
        if !installed("chromium") || !installed("chromedriver") {
            assert!(
                std::env::var("REDRESS_REQUIRE_CHROMIUM").as_deref() != Ok("1"),
                "REDRESS_REQUIRE_CHROMIUM=1, but chromium or chromedriver is missing"
            );
            println!("no Chromium here: the page was not tried in a browser");
            return None;
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let home = tempfile::tempdir().unwrap();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser = Browser { driver, port, session: String::new(), _home: home };
        let end = Instant::now() + Duration::from_secs(60);
        while browser.http("GET", "/status", "").is_err() {
            assert!(Instant::now() < end, "chromedriver does not answer");
            thread::sleep(Duration::from_millis(100));
        }
        let profile = format!("--user-data-dir={}", browser._home.path().join("profile").display());
        let mut args = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
        ];
        args.extend([
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1180,1500",
            &profile,
        ]);
        if dark {
            args.push("--blink-settings=preferredColorScheme=0");
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" } } } });
        let made = browser.http("POST", "/session", &wanted.to_string()).unwrap();
        browser.session =
            made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}")).to_owned();
        Some(browser)
    }

    fn http(&self, method: &str, path: &str, body: &str) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: \
             {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes())?;
        // The driver may keep the connection open: what counts is the length that it says.
        let (mut reply, mut part) = (Vec::new(), [0; 65536]);
        loop {
            let text = String::from_utf8_lossy(&reply).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|l| {
                    l.to_lowercase()
                        .strip_prefix("content-length:")
                        .and_then(|n| n.trim().parse::<usize>().ok())
                });
                if length.is_some_and(|n| reply.len() >= head.len() + 4 + n) {
                    return Ok(serde_json::from_slice(&reply[head.len() + 4..]).unwrap_or(Value::Null));
                }
            }
            let n = stream.read(&mut part)?;
            if n == 0 {
                return Err(std::io::Error::other("the driver closed the connection"));
            }
            reply.extend_from_slice(&part[..n]);
        }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.http(method, &format!("/session/{}{path}", self.session), &body).unwrap();
        assert!(reply["value"]["error"].is_null(), "{path}: {}", reply["value"]);
        reply["value"].clone()
    }

    fn visit(&self, page: &Path) {
        self.ask("POST", "/url", &json!({ "url": format!("file://{}", page.display()) }));
    }

    /// What an expression of JavaScript says about the page.
    fn says(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": format!("return ({script});"), "args": [] }))
    }

    /// Waits until an expression says this: the driver answers before the page has handled what it was sent.
    #[track_caller]
    fn until(&self, script: &str, wanted: &Value) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.says(script);
            if said == *wanted {
                return;
            }
            assert!(Instant::now() < end, "`{script}` stays {said}, not {wanted}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn element(&self, css: &str) -> String {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": css }));
        found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str).unwrap().to_owned()
    }

    fn click(&self, css: &str) {
        self.ask("POST", &format!("/element/{}/click", self.element(css)), &json!({}));
    }

    /// Types, and waits until all of it has arrived.
    #[track_caller]
    fn type_in(&self, css: &str, text: &str) {
        self.ask("POST", &format!("/element/{}/value", self.element(css)), &json!({ "text": text }));
        self.until(&format!("document.querySelector('{css}').value"), &json!(text));
    }

    fn unfold(&self) {
        self.click("#unfold");
        self.until("document.getElementById('unfold').getAttribute('aria-pressed')", &json!("true"));
    }

    /// The size of a screen, in CSS pixels; `mobile` as a phone has it.
    fn screen(&self, width: u32, height: u32, mobile: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.ask(
            "POST",
            "/goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size }),
        );
        assert_eq!(self.says("innerWidth"), json!(width));
    }

    /// What a browser does when somebody chooses; headless, a click on an option opens no list to click in.
    fn choose(&self, filter: &str, value: &str) {
        let script = "const s = document.getElementById(arguments[0]); s.value = arguments[1]; \
                      s.dispatchEvent(new Event('input', { bubbles: true }));";
        self.ask(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [format!("f-{filter}"), value] }),
        );
    }

    /// The picture of `docs/`: filtered, with the calls of the first change that is left.
    fn review(&self, name: &str) {
        self.screen(960, 1240, false);
        self.choose("risk", "disruptive");
        self.says("document.querySelector('article.change:not([hidden]) .exact').open = true");
        self.picture(name);
    }

    fn picture(&self, name: &str) {
        let coded = self.ask("GET", "/screenshot", &Value::Null);
        let png = base64(coded.as_str().unwrap());
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);
        if let Some(folder) = std::env::var_os("REDRESS_SCREENSHOTS") {
            fs::create_dir_all(&folder).unwrap();
            fs::write(Path::new(&folder).join(name), png).unwrap();
        }
    }

    /// What the browser complained of.
    fn complaints(&self) -> Vec<Value> {
        let all = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        all.as_array().cloned().unwrap_or_default()
    }
}

fn base64(text: &str) -> Vec<u8> {
    let letter = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for b in text.bytes().filter(|b| *b != b'=') {
        bits = (bits << 6) | u32::from(letter(b));
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    out
}

const SHOWN: &str =
    "[...document.querySelectorAll('article.change')].filter(a => a.offsetParent !== null).length";

/// A page of the demo's plan, in which a tag was written by somebody who means harm.
fn page(bench: &Bench) -> Value {
    bench.ends(0, "demo --reset");
    bench.ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 --report html=clean.html");
    let twin = bench.path("state/twin/demo.json");
    let evil = "<img src=x onerror=\\\"document.title='pwned'\\\"><script>document.title='pwned'</script>";
    let text = fs::read_to_string(&twin).unwrap();
    let hostile = text.replace("\"europe-old\"", &format!("\"{evil}\""));
    assert_ne!(text, hostile, "the demo has a name to be hostile in");
    fs::write(&twin, hostile).unwrap();
    bench
        .ends(4, "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json --report html=plan.html");
    serde_json::from_str(&fs::read_to_string(bench.path("plan.json")).unwrap()).unwrap()
}

#[test]
fn the_page_of_an_investigation_shows_a_timeline_and_runs_no_script() {
    let bench = Bench::new();
    let evil = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>";
    let made = json!({"requestParameters": {"userName": evil}, "userAgent": evil});
    let events = [
        event(300, "iam", "CreateUser", made),
        event(100, "iam", "ListUsers", json!({"errorCode": "AccessDenied", "readOnly": true})),
        event(
            1,
            "ec2",
            "RunInstances",
            json!({"responseElements": {"instancesSet": {"items": [
            {"instanceId": "i-0aaaaaaaaaaaaaaa1"}]}}}),
        ),
    ];
    fs::write(bench.path("log.json"), json!({ "Records": events }).to_string()).unwrap();
    let page = bench.ends(0, "investigate --user bob --cloudtrail log.json --offline --format html");
    for outside in ["http://", "https://", "src=", "@import", "url(", "<script"] {
        // What somebody wrote is text, and so are its angle brackets.
        assert!(!page.replace("src=x", "").contains(outside), "{outside}");
    }
    fs::write(bench.path("page.html"), page).unwrap();
    for dark in [false, true] {
        let Some(browser) = Browser::open(dark) else { return };
        browser.visit(&bench.path("page.html"));
        assert_eq!(browser.says("document.title"), "What user bob did · redress");
        assert_eq!(browser.says("document.querySelectorAll('.bars li').length"), 3);
        let wide = "[...document.querySelectorAll('.bar')].every(b => b.getBoundingClientRect().width > 100 && \
                    b.firstElementChild.parentElement.scrollWidth <= b.clientWidth + 1)";
        assert_eq!(browser.says(wide), true);
        assert_eq!(browser.says("document.images.length + document.scripts.length"), 0);
        assert_eq!(browser.complaints(), Vec::<Value>::new());
        browser.screen(390, 844, true);
        assert_eq!(browser.says("document.documentElement.scrollWidth <= innerWidth"), true);
        browser.screen(960, 1240, false);
        browser.picture(if dark { "investigation-dark.png" } else { "investigation-light.png" });
    }
}

#[test]
fn a_review_in_the_browser_filters_unfolds_and_shows_hostile_tags_as_text() {
    let bench = Bench::new();
    let plan = page(&bench);
    let changes = plan["changes"].as_array().unwrap();
    let Some(browser) = Browser::open(false) else { return };
    browser.visit(&bench.path("plan.html"));
    assert_eq!(browser.says(SHOWN), json!(changes.len()), "all are shown at first");
    assert!(
        browser
            .says("document.querySelector('.verdict').textContent")
            .as_str()
            .unwrap()
            .contains("rehearsed")
    );
    // Each filter shows what fits, and all of it.
    for (name, of) in [("risk", "risk"), ("region", "region"), ("playbook", "playbook")] {
        let value = changes[0][of].as_str().unwrap();
        let fits = changes.iter().filter(|c| c[of] == value).count();
        assert!(fits < changes.len(), "the filter {name} has something to leave out");
        browser.choose(name, value);
        assert_eq!(browser.says(SHOWN), json!(fits), "{name} = {value}");
        let told = browser.says("document.getElementById('shown').textContent");
        assert_eq!(told, format!("{fits} of {} are shown.", changes.len()));
        browser.click("#clear");
        browser.until(SHOWN, &json!(changes.len()));
    }
    assert_eq!(
        browser.says("document.getElementById('f-account').options.length"),
        2,
        "all, and the one account"
    );
    // A plan has one account: one change is given to another, and so left out.
    browser.says("document.querySelector('article.change').dataset.account = '999999999999'");
    browser.choose("account", plan["account"].as_str().unwrap());
    assert_eq!(browser.says(SHOWN), json!(changes.len() - 1));
    browser.click("#clear");
    browser.until(SHOWN, &json!(changes.len()));
    browser.type_in("#f-text", "qzqzqz");
    assert_eq!(browser.says(SHOWN), 0);
    assert_eq!(
        browser.says("document.getElementById('none').offsetParent !== null"),
        true,
        "it says that nothing fits"
    );
    browser.click("#clear");
    browser.until(SHOWN, &json!(changes.len()));

    // The exact calls are folded, and unfold by a click on one or on all.
    let visible = "[...document.querySelectorAll('.exact > ol')].filter(e => e.checkVisibility()).length";
    assert_eq!(browser.says(visible), 0);
    browser.click(".exact > summary");
    browser.until(visible, &json!(1));
    let call = changes[0]["steps"][0]["call"]["operation"].as_str().unwrap();
    assert!(browser.says("document.querySelector('.exact ol').innerText").as_str().unwrap().contains(call));
    browser.unfold();
    browser.until(visible, &browser.says("document.querySelectorAll('.exact').length"));

    // What somebody wrote into a tag is text.
    assert!(
        browser.says("document.title").as_str().unwrap().ends_with("redress"),
        "no script of an account ran"
    );
    assert_eq!(browser.says("document.querySelectorAll('img').length"), 0);
    assert_eq!(browser.says("document.scripts.length"), 1);
    assert!(
        browser.says("document.body.innerText").as_str().unwrap().contains("<img src=x onerror="),
        "it is shown as it is written"
    );
    assert_eq!(browser.says("performance.getEntriesByType('resource').length"), 0, "the page loads nothing");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
    browser.visit(&bench.path("clean.html"));
    browser.review("review-light.png");
}

/// Nothing hangs out at the side, and what is said can be read.
fn readable(browser: &Browser, name: &str) {
    // WCAG 2.2, 1.4.3: 4.5 to 1 for text, measured on what is shown.
    let worst = browser.says(CONTRAST);
    assert!(worst["ratio"].as_f64().unwrap() >= 4.5, "{name}: {worst}");
    assert_eq!(
        browser.says("document.documentElement.scrollWidth <= innerWidth"),
        true,
        "{name}: something hangs out at the side"
    );
    let longest = "Math.max(...[...document.querySelectorAll('.diff > div, .told > li, .more dd, \
                   pre')].filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().width))";
    assert!(browser.says(longest).as_f64().unwrap() <= 960.0, "{name}: lines are too long to read");
}

#[test]
fn the_page_is_readable_in_the_dark_and_every_control_has_a_name() {
    let bench = Bench::new();
    page(&bench);
    let Some(browser) = Browser::open(true) else { return };
    browser.visit(&bench.path("plan.html"));
    assert_eq!(browser.says("matchMedia('(prefers-color-scheme: dark)').matches"), true);
    browser.unfold();
    readable(&browser, "dark");
    let nameless = "[...document.querySelectorAll('select,input,button')].filter(e => !(e.labels && \
                    e.labels.length) && !e.textContent.trim()).length";
    assert_eq!(browser.says(nameless), 0);
    assert_eq!(
        browser.says(
            "new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size === \
             document.querySelectorAll('[id]').length"
        ),
        true
    );
    browser.visit(&bench.path("clean.html"));
    browser.review("review-dark.png");
}

#[test]
fn plans_runs_and_undos_are_readable_in_the_light_and_on_a_phone() {
    let bench = Bench::new();
    page(&bench);
    bench.ends(4, "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --report html=run.html");
    bench.ends(0, "show last --report html=shown.html");
    bench.ends(0, "undo last --auto-approve --max-risk disruptive --report html=undo.html");
    let Some(browser) = Browser::open(false) else { return };
    for (name, word) in
        [("plan", "rehearsed"), ("run", "verified"), ("shown", "verified"), ("undo", "restored")]
    {
        for (size, width, height, mobile) in [("wide", 1180, 1400, false), ("narrow", 390, 1600, true)] {
            browser.screen(width, height, mobile);
            browser.visit(&bench.path(&format!("{name}.html")));
            assert!(browser.says("document.body.innerText").as_str().unwrap().contains(word), "{name}");
            browser.picture(&format!("{name}-{size}.png"));
            browser.unfold();
            readable(&browser, &format!("{name} {size}"));
            let hidden = "[...document.querySelectorAll('select,input,button')].filter(e => { const r = \
                          e.getBoundingClientRect(); return r.width < 24 || r.height < 24 || r.right > \
                          innerWidth; }).length";
            assert_eq!(
                browser.says(hidden),
                0,
                "{name} {size}: every control is there and large enough to hit"
            );
            assert_eq!(browser.complaints(), Vec::<Value>::new());
        }
    }
    let undo = fs::read_to_string(bench.path("undo.html")).unwrap();
    assert!(!undo.contains("no finding of its own"));
    assert!(
        undo.contains("<dt>Not restored</dt>") && !undo.contains("<li>not restored: "),
        "what is not restored is said once"
    );
    // A backup stays, and so does what it was for.
    assert!(
        undo.contains("a backup is kept") && !undo.contains("instance-backup-stale will be open again"),
        "{undo}"
    );
}

/// The text with the least contrast to what lies behind it
/// (<https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>).
const CONTRAST: &str = r"(() => {
  const parts = (c) => c.match(/[\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = parts(c).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const p = parts(c); if (p.length < 4 || p[3] > 0) return c; } return 'rgb(255,255,255)'; };
  let worst = { ratio: 99 };
  for (const e of document.body.querySelectorAll('*')) {
    if (!e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: e.textContent.slice(0, 60), class: e.className, color: getComputedStyle(e).color, behind: behind(e) };
  }
  return worst;
})()";
