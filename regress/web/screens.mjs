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
	backup: "/backup", restore: "/backup", "restore-refused": "/backup",
	upgrade: "/upgrade", "upgrade-good": "/upgrade", "upgrade-refused": "/upgrade",
	"upgrade-waits": "/upgrade",
	import: "/import", "import-error": "/import", "import-good": "/import",
};

/* What is there to see on a page that is about a file: it is sent first. */
const files = process.env.FILES;
const before = {
	restore: async (page) => {
		await send(page, "/backup", "made.backup", "Send");
		await page.getByLabel("The file's passphrase").fill("a passphrase of a browser");
		await press(page, "Open and compare");
	},
	"restore-refused": async (page) => {
		await press(page, "Forget this file");
		await send(page, "/backup", "good.export", "Send");
		await page.getByLabel("The file's passphrase").fill("a passphrase of a browser");
		await press(page, "Open and compare");
	},
	"upgrade-good": (page) => send(page, "/upgrade", "good.upgrade", "Send and check"),
	"upgrade-refused": async (page) => {
		await press(page, "Forget this file");
		await send(page, "/upgrade", "old.upgrade", "Send and check");
	},
	"upgrade-waits": async (page) => {
		await press(page, "Forget this file");
		await send(page, "/upgrade", "good.upgrade", "Send and check");
		await press(page, "Install into the idle slot");
		for (let i = 0; i < 50 && (await page.getByText("under way").count()) !== 0; i++) {
			await page.waitForTimeout(200);
			await page.goto(url + "/upgrade");
		}
	},
	"import-error": (page) => send(page, "/import", "bad.export", "Send and compare"),
	"import-good": async (page) => {
		await press(page, "Forget this file");
		await send(page, "/import", "good.export", "Send and compare");
	},
};
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

async function send(page, path, file, button) {
	await page.goto(url + path);
	await page.locator("#file").setInputFiles(files + "/" + file);
	await press(page, button);
}

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

/*
 * Light judged wide, and dark narrow: the colours and the layouts, each once.  Of
 * another state of a page no other pictures are made.
 */
async function look(page, name) {
	await page.setViewportSize({ width: 1280, height: 800 });
	if (before[name] !== undefined)
		await before[name](page);
	const answer = await page.goto(url + pages[name], { waitUntil: "load" });
	if (answer.status() >= 500)
		throw new Error(name + ": " + answer.status());
	for (const [size, width] of [["wide", 1280], ["narrow", 360]]) {
		await page.setViewportSize({ width, height: 800 });
		for (const colour of ["light", "dark"]) {
			const judged = (colour === "light") === (size === "wide");

			if (!judged && before[name] !== undefined)
				continue;
			await page.emulateMedia({ colorScheme: colour });
			await page.screenshot({ path: `${folder}/${name}-${colour}-${size}.png`, fullPage: true });
			shots++;
			if (judged)
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
