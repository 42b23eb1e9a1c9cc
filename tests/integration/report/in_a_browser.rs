//! The page in a real browser. Without one, these tests do nothing, unless it is demanded.

use serde_json::{Value, json};
use session_pool::Timestamp;

use super::browser::Browser;
use super::{HOSTILE, Written, sites};

/// The texts of what a selector finds.
fn texts(browser: &Browser, selector: &str) -> Vec<String> {
    let found = browser.run(&format!(
        "return [...document.querySelectorAll({})].map((found) => found.textContent)",
        json!(selector)
    ));
    serde_json::from_value(found).unwrap()
}

/// What the shapes of a chart stand for.
fn values(browser: &Browser, selector: &str) -> Vec<u64> {
    let found = browser.run(&format!(
        "return [...document.querySelectorAll({})].map((found) => Number(found.getAttribute('data-value')))",
        json!(selector)
    ));
    serde_json::from_value(found).unwrap()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn assert_quiet(browser: &Browser) {
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn the_charts_show_what_is_in_the_store() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "light");
    let total = written.data()["total"].take();

    let retired = &total["retired"];
    let live = [
        count(&total["ready"]),
        count(&total["resting"]),
        ["blocked", "exhausted", "expired"].map(|reason| count(&total["unusable"][reason])).iter().sum(),
    ];
    let states: Vec<u64> = live
        .into_iter()
        .chain(["blocked", "retired", "exhausted", "expired"].map(|reason| count(&retired[reason])))
        .filter(|count| *count > 0)
        .collect();
    assert_eq!(values(&browser, "#states .part"), states);

    let over_time = &total["retirements"]["over_time"]["counts"];
    let steps = over_time["blocked"].as_array().unwrap().len();
    let sums: Vec<u64> = (0..steps)
        .map(|at| {
            ["blocked", "retired", "exhausted", "expired"]
                .map(|reason| count(&over_time[reason][at]))
                .iter()
                .sum()
        })
        .collect();
    assert!(steps >= 12 && sums.iter().sum::<u64>() > 0);
    assert_eq!(values(&browser, "#retirements .step"), sums);
    let heights = browser.run(
        "return [...document.querySelectorAll('#retirements .step')].map((step) => step.getBBox().height)",
    );
    let heights: Vec<f64> = serde_json::from_value(heights).unwrap();
    let highest = |values: &[f64]| values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let counts: Vec<f64> = sums.iter().map(|sum| *sum as f64).collect();
    assert_eq!(counts[highest(&heights)], counts[highest(&counts)], "the highest column is that of the most");

    let tenths: Vec<u64> = total["usage"]["tenths"].as_array().unwrap().iter().map(count).collect();
    let unused = count(&total["usage"]["unused"]);
    let columns: Vec<u64> =
        [unused, tenths[0] - unused].into_iter().chain(tenths[1..].iter().copied()).collect();
    assert_eq!(values(&browser, "#usage .column"), columns);
    for (chart, sum) in [("#usage", "live"), ("#scores", "live"), ("#ages", "live")] {
        assert_eq!(
            values(&browser, &format!("{chart} .column")).iter().sum::<u64>(),
            count(&total[sum]),
            "{chart}"
        );
    }
    assert_eq!(values(&browser, "#ahead .column").iter().sum::<u64>(), live[0] + live[1]);

    let tile = texts(&browser, "#tiles .value");
    assert_eq!(tile[0].replace(',', ""), total["live"].to_string());
    assert_eq!(tile[2].replace(',', ""), total["uses"].to_string());
    let blocked = texts(&browser, "#ends tr[data-kind=blocked] td");
    assert_eq!(
        blocked[0].replace(',', ""),
        total["retirements"]["by_reason"]["blocked"]["count"].to_string()
    );
    assert_eq!(
        blocked[2].replace(',', ""),
        total["retirements"]["by_reason"]["blocked"]["uses_median"].to_string()
    );
    assert_quiet(&browser);
}

#[test]
fn the_table_of_pools_sorts_and_filters() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "light");
    let data = written.data();
    let uses = || -> Vec<u64> {
        let cells = texts(&browser, "#pools tbody tr td:nth-last-child(4)");
        cells.iter().map(|cell| cell.replace(',', "").parse().unwrap()).collect()
    };
    let mut sorted: Vec<u64> =
        data["pools"].as_array().unwrap().iter().map(|pool| count(&pool["uses"])).collect();
    assert_eq!(uses(), sorted, "by name at first");

    let head = "#pools thead tr:last-child th:nth-last-child(4)";
    browser.click(&format!("{head} button"));
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(uses(), sorted);
    let order = format!("return document.querySelector({}).getAttribute('aria-sort')", json!(head));
    assert_eq!(browser.run(&order), "descending");
    // The focus is on the head: Enter turns it round.
    browser.press(&["\u{e007}"]);
    sorted.reverse();
    assert_eq!(uses(), sorted);
    assert_eq!(browser.run(&order), "ascending");
    assert_eq!(texts(&browser, "#pools [aria-sort]").len(), 1);

    browser.click("#pools input[type=search]");
    browser.press(&["s", "H", "o", "p"]);
    assert_eq!(texts(&browser, "#pools tbody th"), ["shop.example"]);
    assert_eq!(texts(&browser, "#pools .count"), ["1 of 10 pools"]);
    browser.press(&["q"]);
    assert_eq!(texts(&browser, "#pools tbody th"), [""; 0]);
    assert_eq!(texts(&browser, "#pools .none:not([hidden])"), ["Nothing fits “sHopq”. Show all"]);
    browser.click("#pools .none button");
    assert_eq!(texts(&browser, "#pools tbody th").len(), 10);
    assert_eq!(texts(&browser, "#pools .none:not([hidden])").len(), 0);
    // The focus is where one types on.
    browser.press(&["s", "H", "o", "p", "q"]);
    assert_eq!(texts(&browser, "#pools .count"), ["0 of 10 pools"]);
    browser.press(&["\u{e003}"; 5]);
    assert_eq!(texts(&browser, "#pools tbody th").len(), 10);
    assert_quiet(&browser);
}

#[test]
fn the_charts_of_one_pool_are_shown_when_it_is_chosen_and_reasons_can_be_hidden() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "light");
    let data = written.data();
    let pools = data["pools"].as_array().unwrap();
    let at = pools.iter().position(|pool| pool["pool"] == "shop.example").unwrap();
    browser.run("[...document.querySelectorAll('#pools tbody button')].find((button) => button.textContent === 'shop.example').click()");
    browser.until("return document.querySelector('#states svg') !== null");
    assert_eq!(browser.run("return document.querySelector('#pool').value"), at.to_string());
    let live = texts(&browser, "#states h3");
    assert_eq!(live[0].trim(), format!("Live: {}", pools[at]["live"]));
    browser.until("return document.querySelector('#retirements .step') !== null");
    let drawn = |browser: &Browser| values(browser, "#retirements .step").iter().sum::<u64>();
    let all: u64 = pools[at]["retirements"].as_array().unwrap().iter().map(count).sum();
    assert_eq!(drawn(&browser), all);

    browser.click("#retirements button[data-kind=retired]");
    browser.until("return document.querySelector('#retirements .step') !== null");
    let by_caller = count(&pools[at]["figures"]["retirements"]["by_reason"]["retired"]["count"]);
    assert!(by_caller > 0);
    assert_eq!(drawn(&browser), all - by_caller);
    assert_eq!(
        browser.run("return document.querySelector('#retirements button[data-kind=retired]').ariaPressed"),
        "false"
    );

    // By keyboard: what is in a step is told.
    browser.run("document.querySelector('#retirements svg[tabindex]').focus()");
    browser.press(&["\u{e010}"]);
    assert_eq!(texts(&browser, "#retirements .tip").len(), 1);
    browser.press(&["\u{e00c}"]);
    assert_eq!(texts(&browser, "#retirements .tip").len(), 0);
    assert_quiet(&browser);
}

#[test]
fn names_that_do_harm_are_inert() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "light");
    browser.run("for (const pool of document.querySelector('#pool').options) { pool.selected = true; document.querySelector('#pool').dispatchEvent(new Event('change')); }");
    assert_eq!(browser.run("return window.harmed ?? null"), Value::Null);
    let others = "return document.querySelectorAll('img, iframe, object, link, b[onclick], main script, [onload], [onerror]').length";
    assert_eq!(browser.run(others), 0);
    let names = texts(&browser, "#pools tbody th");
    for name in &HOSTILE[..4] {
        assert!(names.iter().any(|shown| shown == name), "{name} in {names:?}");
    }
    assert!(
        names.iter().any(|shown| shown.starts_with("\\u{202e}elpmaxe.pohs\\u{2028}\\u{200b}")),
        "{names:?}"
    );
    let proxies = texts(&browser, "#proxies-table tbody th");
    let hostile = "http://\"><script>window.harmed=8<\\u{202e}moc:8000";
    assert!(proxies.iter().any(|shown| shown == hostile), "{proxies:?}");
    assert!(texts(&browser, "h1")[0].contains("<b onclick='x'>&amp;\"sessions\\u{202e}{{nonce}}"));
    assert_eq!(
        browser.run("return performance.getEntriesByType('resource').length"),
        0,
        "nothing is fetched"
    );
    assert_quiet(&browser);

    // And were there a hole, the page's policy would let nothing through it.
    let attempts = "
        const make = (name, change) => { const made = document.createElement(name); change(made); document.body.append(made); made.click(); };
        const attempts = [
            () => make('script', (script) => script.append('window.harmed = 5')),
            () => { document.body.innerHTML += '<img src=x onerror=\"window.harmed = 6\">'; },
            () => make('button', (button) => button.setAttribute('onclick', 'window.harmed = 7')),
            () => make('a', (link) => { link.href = 'javascript:window.harmed = 8'; }),
        ];
        for (const attempt of attempts) { try { attempt(); } catch { } }
        return window.harmed ?? null;";
    assert_eq!(browser.run(attempts), Value::Null);
}

#[test]
fn nothing_overflows_on_a_phone_or_in_a_wide_window_in_the_light_or_in_the_dark() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    for (width, scheme) in [(360, "light"), (320, "dark"), (768, "light"), (1920, "dark")] {
        browser.open(&written.page, width, scheme);
        browser.until("return document.querySelector('#expiries svg') !== null");
        browser.run("for (const details of document.querySelectorAll('details')) details.open = true");
        let widest = browser.run("return document.documentElement.scrollWidth");
        assert!(count(&widest) <= width.into(), "{widest} of {width}");
        let beyond = browser.run(
            "return [...document.querySelectorAll('main *:not(.scroll *)')]
                .filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML)",
        );
        assert_eq!(beyond, json!([]), "{width}");
        let colour = browser.run("return getComputedStyle(document.body).backgroundColor");
        assert_eq!(colour == "rgb(246, 245, 242)", scheme == "light", "{colour}");
    }
    assert_quiet(&browser);
}

#[test]
fn the_numbers_of_a_store_that_is_larger_than_any_fit_too() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    let mut data = written.data();
    enlarge(&mut data);
    let at: Timestamp = serde_json::from_value(data["at"].clone()).unwrap();
    let late = at.plus(std::time::Duration::from_secs(86_400 * 3_000));
    data["total"]["expiries"]["next_at"] = json!(late);
    let html = written.html();
    let (before, from) = html.split_once("id=\"data\">").unwrap();
    let after = from.split_once("</script>").unwrap().1;
    let data = data.to_string().replace('<', "\\u003c");
    let page = written.page.with_extension("large.html");
    std::fs::write(&page, format!("{before}id=\"data\">{data}</script>{after}")).unwrap();
    for width in [320, 360, 768, 1280] {
        browser.open(&page, width, "light");
        browser.until("return document.querySelector('#expiries svg') !== null");
        let widest = browser.run("return document.documentElement.scrollWidth");
        assert!(count(&widest) <= width.into(), "{widest} of {width}");
        let cut = browser.run(
            "return [...document.querySelectorAll('.tiles span, .legend > li > *, .sub, .lead')]
                .filter((text) => text.scrollWidth > text.clientWidth + 1 && text.clientWidth > 0).map((text) => text.textContent)",
        );
        assert_eq!(cut, json!([]), "{width}");
        let over_each_other = browser.run(
            "const boxes = (chart) => [...chart.querySelectorAll('.strong')].map((text) => text.getBoundingClientRect());
            return [...document.querySelectorAll('.columns')].map(boxes)
                .filter((boxes) => boxes.some((box, at) => at > 0 && box.left < boxes[at - 1].right)).length",
        );
        assert_eq!(over_each_other, 0, "{width}");
    }
    assert_quiet(&browser);
}

/// Makes each count that is not nothing as large as none will be.
fn enlarge(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|count| count > 0) => {
            *value = json!(98_765_432_109_u64);
        }
        Value::Array(values) => values.iter_mut().for_each(enlarge),
        Value::Object(fields) => {
            for (name, value) in fields {
                if name != "step_seconds" {
                    enlarge(value);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn text_and_marks_are_told_apart_from_what_is_behind_them_in_the_light_and_in_the_dark() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    for scheme in ["light", "dark"] {
        browser.open(&written.page, 1280, scheme);
        let contrast = browser.run(
            "const style = getComputedStyle(document.documentElement);
            const colour = (name) => {
                document.body.style.color = style.getPropertyValue(name);
                const [r, g, b] = getComputedStyle(document.body).color.match(/[\\d.]+/g).map(Number);
                const light = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
                return 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
            };
            const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const pairs = [];
            for (const text of ['--ink', '--muted', '--accent']) for (const back of ['--card', '--bg', '--soft']) pairs.push([text, back, 4.5]);
            const marks = ['ready', 'resting', 'unusable', 'blocked', 'exhausted', 'expired', 'retired', 'plain', 'edge'];
            for (const mark of marks) pairs.push([`--${mark}`, '--card', 3]);
            return pairs.map(([a, b, least]) => [a, b, ratio(colour(a), colour(b)), least]).filter(([, , is, least]) => is < least);",
        );
        assert_eq!(contrast, json!([]), "{scheme}");
    }
}

#[test]
fn those_who_do_not_see_the_charts_are_told_what_is_in_them() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "light");
    browser.until("return document.querySelector('#expiries svg') !== null");
    let silent = "return [...document.querySelectorAll('svg:not([aria-hidden=true])')]
        .filter((svg) => svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')).length";
    assert_eq!(browser.run(silent), 0);
    let nameless = "return [...document.querySelectorAll('section, input, select, [role=region]')]
        .filter((element) => !(element.ariaLabel || element.labels?.length || document.getElementById(element.getAttribute('aria-labelledby')))).length";
    assert_eq!(browser.run(nameless), 0);
    assert_eq!(
        browser
            .run("return document.querySelectorAll('thead th:not([scope]), tbody th:not([scope])').length"),
        0
    );
    let rows = texts(&browser, "#retirements details tbody tr").len();
    assert_eq!(rows, values(&browser, "#retirements .step").len(), "the table has each step");
    let levels = browser
        .run("return [...document.querySelectorAll('h1, h2, h3')].map((head) => Number(head.tagName[1]))");
    let levels: Vec<u64> = serde_json::from_value(levels).unwrap();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn without_scripts_there_are_the_totals_and_the_pools() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    let data = written.data();
    for (width, scheme) in [(360, "dark"), (1280, "light")] {
        browser.open_without_scripts(&written.page, width, scheme);
        let shown =
            "return [...document.querySelectorAll('section')].filter((section) => section.checkVisibility())
            .map((section) => section.id)";
        assert_eq!(browser.run(shown), json!(["totals", "pools"]));
        let names = texts(&browser, "#pools tbody th");
        assert!(names.iter().any(|name| name == "shop.example") && names.len() == 10, "{names:?}");
        let uses: Vec<u64> = texts(&browser, "#pools tbody td:nth-last-child(3)")
            .iter()
            .map(|cell| cell.replace(',', "").parse().unwrap())
            .collect();
        let pools = data["pools"].as_array().unwrap();
        assert_eq!(uses, pools.iter().map(|pool| count(&pool["uses"])).collect::<Vec<_>>());
        assert!(texts(&browser, "#lead")[0].starts_with("In 10 pools, "), "{:?}", texts(&browser, "#lead"));
        let widest = browser.run("return document.documentElement.scrollWidth");
        assert!(count(&widest) <= width.into(), "{widest} of {width}");
    }
}

#[test]
fn on_paper_what_is_said_beside_a_number_is_smaller_than_it() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&sites());
    browser.open(&written.page, 1280, "dark");
    browser.print();
    let sizes = "const size = (name) => parseFloat(getComputedStyle(document.querySelector(`#tiles ${name}`)).fontSize);
        return [size('.name'), size('.more'), size('.value')]";
    let sizes: Vec<f64> = serde_json::from_value(browser.run(sizes)).unwrap();
    assert!(sizes[0] < sizes[2] && sizes[1] < sizes[2], "{sizes:?}");
    let colour = browser.run("return getComputedStyle(document.body).backgroundColor");
    assert_eq!(colour, "rgb(255, 255, 255)");
    let controls = "return [...document.querySelectorAll('input, select, .skip, .more-rows')].filter((control) => control.checkVisibility()).length";
    assert_eq!(browser.run(controls), 0);
    assert_quiet(&browser);
}

#[test]
fn a_store_with_nothing_in_it_makes_a_page_that_says_so() {
    let Some(browser) = Browser::start() else { return };
    let written = Written::of(&[]);
    browser.open(&written.page, 1280, "light");
    assert_eq!(browser.run("return document.querySelectorAll('.chart').length"), 0);
    assert!(texts(&browser, ".none").len() >= 8);
    assert!(texts(&browser, "#lead")[0].starts_with("In 0 pools, 0 sessions are ready."));
    assert_quiet(&browser);
}
