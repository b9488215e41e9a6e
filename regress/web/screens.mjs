// SPDX-License-Identifier: ISC
//
// screens.mjs URL FOLDER USER PASSWORD : every page in light and dark, wide and
// 360 px, as a picture; and what axe-core says of each.
import { createRequire } from "node:module";
import fs from "node:fs";

const [url, folder, user, password] = process.argv.slice(2);
const require = createRequire(process.env.NODE_FOLDER + "/");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const pages = {
	login: "/login", overview: "/", tunnels: "/tunnels",
	tunnel: "/tunnel?name=paris", down: "/tunnel?name=berlin", policy: "/policy",
	edit: "/policy/edit?part=iked.conf", revision: "/policy/revision?n=2",
	firewall: "/firewall", states: "/firewall/states", tables: "/firewall/tables?name=office",
	interfaces: "/interfaces", log: "/log",
	explain: "/explain?in=lan0&proto=icmp&from=10.1.0.2&to=10.2.0.2",
	missing: "/nothing",
};

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu"],
});
let shots = 0, bad = 0;

async function judge(page, what) {
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
	if (wide > 0) {
		console.log(`${what}: ${wide} px too wide`);
		bad++;
	}
	// the page's own policy forbids scripts in it: axe comes by the debugger's way
	await page.evaluate("window.axe === undefined").then((no) => no && page.evaluate(axe));
	const found = await page.evaluate(() => window.axe.run(document));
	for (const v of found.violations) {
		console.log(`${what}: ${v.id}: ${v.help}: ` +
		    v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | "));
		bad++;
	}
}

/* Light judged wide, and dark narrow: the colours and the layouts, each once. */
async function look(page, name) {
	await page.setViewportSize({ width: 1280, height: 800 });
	const answer = await page.goto(url + pages[name], { waitUntil: "load" });
	if (answer.status() >= 500)
		throw new Error(name + ": " + answer.status());
	for (const [size, width] of [["wide", 1280], ["narrow", 360]]) {
		await page.setViewportSize({ width, height: 800 });
		for (const colour of ["light", "dark"]) {
			await page.emulateMedia({ colorScheme: colour });
			await page.screenshot({ path: `${folder}/${name}-${colour}-${size}.png`, fullPage: true });
			shots++;
			if ((colour === "light") === (size === "wide"))
				await judge(page, `${name} ${colour} ${size}`);
		}
	}
}

fs.mkdirSync(folder, { recursive: true });
try {
	const context = await browser.newContext({ ignoreHTTPSErrors: true });
	const page = await context.newPage();

	page.on("console", (m) => {
		if (m.type() === "error" && !/404|Failed to load/.test(m.text())) {
			console.log("console: " + m.text());
			bad++;
		}
	});
	page.on("pageerror", (e) => { console.log(String(e)); bad++; });
	await look(page, "login");
	await page.fill("#user", user);
	await page.fill("#password", password);
	await page.click("main button[type=submit]");
	await page.waitForSelector("nav.menu");
	for (const name of Object.keys(pages).slice(1))
		await look(page, name);
} finally {
	await browser.close();
}
console.log(`${shots} pages, ${bad} complaints`);
process.exit(bad === 0 ? 0 : 1);
