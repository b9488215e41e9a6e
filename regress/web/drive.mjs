// SPDX-License-Identifier: ISC
//
// drive.mjs URL USER PASSWORD SCRIPT(on|off) : what an administrator does, in a
// browser: log in, look, stop and start a tunnel, edit policy with a dry run that
// fails and one that does not, commit with a timer, let it go back, restore; make
// a backup and bring it back, import a policy, be refused an old upgrade.
import { createRequire } from "node:module";
import fs from "node:fs";

const [url, user, password, script] = process.argv.slice(2);
const files = process.env.FILES;
const require = createRequire(process.env.NODE_FOLDER + "/");
const { chromium } = require("playwright-core");
let passed = 0, failed = 0;

function check(name, ok, more) {
	console.log(`${ok ? "ok     " : "FAILED "} ${name}${ok ? "" : " " + String(more).slice(0, 500)}`);
	if (ok) passed++; else failed++;
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu"],
});
const context = await browser.newContext({
	ignoreHTTPSErrors: true, javaScriptEnabled: script === "on",
	viewport: { width: 1000, height: 800 },
});
const page = await context.newPage();
const foreign = [];
page.on("request", (r) => { if (!r.url().startsWith(url)) foreign.push(r.url()); });

const says = async () => (await page.locator("main").innerText()).replace(/\s+/g, " ");
const press = (name) => page.getByRole("button", { name, exact: true }).click();

/* Loads the page until it says so; with a script it comes by itself. */
async function until(text, ms = 15000) {
	const end = Date.now() + ms;

	while (Date.now() < end) {
		if ((await says()).includes(text))
			return true;
		await page.waitForTimeout(300);
		if (script !== "on")
			await page.reload();
	}
	return (await says()).includes(text);
}

try {
	await page.goto(url + "/tunnel?name=paris");
	check("the login comes first", page.url().includes("/login"), page.url());
	await page.getByLabel("Name").fill(user);
	await page.getByLabel("Password").fill("wrong");
	await press("Log in");
	check("a wrong password", (await says()).includes("wrong"), await says());
	await page.getByLabel("Name").fill(user);
	await page.getByLabel("Password").fill(password);
	await press("Log in");
	check("on to the page that was asked for", page.url().endsWith("/tunnel?name=paris"), page.url());
	await page.getByRole("link", { name: "Overview", exact: true }).click();
	check("overview: well", (await says()).includes("The tunnel is up"), await says());

	await page.getByRole("link", { name: "paris" }).first().click();
	await press("Stop");
	check("stopped", await until("disabled"), await says());
	await press("Start");
	check("started", await until("10.1.0.0/24 – 10.2.0.0/24"), await says());

	await page.getByRole("link", { name: "Policy", exact: true }).click();
	await page.getByRole("link", { name: "pf.conf" }).click();
	const area = page.locator("#text");
	const text = await area.inputValue();
	await area.fill(text + "pas on lan0\n");
	await press("Dry run");
	check("a dry run names the error", (await says()).includes("line ") && (await says()).includes("pas on lan0"), await says());
	check("and keeps the text", (await area.inputValue()) === text + "pas on lan0\n", await area.inputValue());
	if (script === "on") {
		await page.locator("a.place").click();
		const at = await area.evaluate((e) => e.value.slice(e.selectionStart, e.selectionStart + 3));
		check("a click leads to its place", at === "pas", at);
	}
	await area.fill(text + "pass on lan0 inet proto icmp label \"browser\"\n");
	await press("Dry run");
	check("one that is well", (await says()).includes("Nothing speaks against it"), await says());
	check("with its difference", await page.locator(".d-add").count() === 1);
	await page.getByLabel("Why").fill("by a browser");
	// none as short as a test wants stands in the list
	await page.getByLabel("Goes back by itself").evaluate((e) => {
		e.options[0].value = "5";
		e.selectedIndex = 0;
	});
	await press("Commit");
	check("committed with a timer", (await says()).includes("waits for your confirm"), await says());
	const pending = await says();
	await page.getByRole("link", { name: "Firewall", exact: true }).click();
	check("in force", (await says()).includes("browser"), await says());
	await page.getByRole("link", { name: "Policy", exact: true }).click();
	check("left alone it goes back", await (async () => {
		const end = Date.now() + 20000;
		while (Date.now() < end && (await says()).includes("waits for your confirm")) {
			await page.waitForTimeout(500);
			if (script !== "on")
				await page.reload();
		}
		return !(await says()).includes("waits for your confirm");
	})(), pending);
	await page.getByRole("link", { name: "Firewall", exact: true }).click();
	check("and is not in force", !(await says()).includes("browser"), await says());

	await page.getByRole("link", { name: "Policy", exact: true }).click();
	const row = page.getByRole("row").filter({ hasText: "by a browser" }).first();
	await row.getByRole("button").click();
	await page.getByRole("link", { name: "Firewall", exact: true }).click();
	check("restored by hand", (await says()).includes("browser"), await says());
	await page.getByRole("link", { name: "Policy", exact: true }).click();
	await page.getByRole("row").filter({ hasText: "as it began" }).first().getByRole("button").click();

	await page.goto(url + "/explain");
	await page.getByLabel("Comes in on").selectOption("lan0");
	await page.getByLabel("Protocol").selectOption("icmp");
	await page.getByLabel("From address").fill("10.1.0.2");
	await page.getByLabel("To address").fill("10.2.0.2");
	await press("Explain");
	check("explain", (await says()).includes("sealed with SA"), await says());

	await page.goto(url + "/backup");
	const making = page.locator("form", { has: page.locator("#again") });
	await page.getByLabel("Passphrase, at least").fill("a passphrase of a browser");
	await page.getByLabel("Passphrase, once more").fill("another passphrase");
	await making.getByLabel("Your own password").fill(password);
	await press("Make and download");
	check("two passphrases that differ", (await says()).includes("not the same"), await says());
	await page.getByLabel("Passphrase, at least").fill("a passphrase of a browser");
	await page.getByLabel("Passphrase, once more").fill("a passphrase of a browser");
	await making.getByLabel("Your own password").fill(password);
	const [saved] = await Promise.all([page.waitForEvent("download"), press("Make and download")]);
	await saved.saveAs(files + "/made.backup");
	check("a backup is downloaded", /^ravelin-.*\.backup$/.test(saved.suggestedFilename()) &&
	    fs.readFileSync(files + "/made.backup", "latin1").startsWith("RAVELIN BACKUP"), saved.suggestedFilename());
	await page.goto(url + "/");
	check("the overview tells its date", !(await says()).includes("none recorded"), await says());

	await page.goto(url + "/import");
	await page.getByLabel("File", { exact: true }).setInputFiles(files + "/bad.export");
	await press("Send and compare");
	check("an import with an error names its place", /pf\.conf, line \d+, column \d+/.test(await says()), await says());
	await press("Forget this file");
	await page.getByLabel("Or its text").fill(fs.readFileSync(files + "/good.export", "utf8"));
	await press("Send and compare");
	check("a good one, pasted: its difference", (await says()).includes("Nothing speaks against it") &&
	    await page.locator(".d-add").count() === 1, await says());
	await page.getByLabel("Why").fill("imported by a browser");
	await press("Commit");
	check("imported, with a timer", (await says()).includes("waits for your confirm"), await says());
	await page.getByRole("button", { name: /^Keep revision/ }).click();
	await page.getByRole("link", { name: "Firewall", exact: true }).click();
	check("the import is in force", (await says()).includes("imported"), await says());

	await page.getByRole("link", { name: "Backup", exact: true }).click();
	await page.getByLabel("Backup file").setInputFiles(files + "/made.backup");
	await press("Send");
	await page.getByLabel("The file's passphrase").fill("the wrong passphrase");
	await press("Open and compare");
	check("a wrong passphrase", (await says()).includes("passphrase is wrong"), await says());
	await page.getByLabel("The file's passphrase").fill("a passphrase of a browser");
	await press("Open and compare");
	check("what restoring would change", (await page.locator(".d-del").allInnerTexts()).join("").includes("imported"), await says());
	await page.locator("#mine").fill(password);
	await press("Restore");
	check("restored", (await says()).includes("Restored."), await says());
	await page.getByRole("link", { name: "Policy", exact: true }).click();
	await page.getByRole("button", { name: /^Keep revision/ }).click();
	await page.getByRole("link", { name: "Firewall", exact: true }).click();
	check("the backup is in force", !(await says()).includes("imported"), await says());

	await page.getByRole("link", { name: "Upgrade", exact: true }).click();
	await page.getByLabel("Upgrade file").setInputFiles(files + "/old.upgrade");
	await press("Send and check");
	check("an older version is refused", (await says()).includes("older than what runs") &&
	    await page.getByRole("button", { name: /^Install/ }).count() === 0, await says());
	await press("Forget this file");

	// pages that are left open: while the box is gone, and while the session ends
	const typing = await context.newPage(), idle = await context.newPage();
	await typing.clock.install();
	await idle.clock.install();
	await typing.goto(url + "/explain");
	await typing.getByLabel("From address").fill("10.1.0.99");
	await idle.goto(url + "/interfaces");
	const note = idle.locator(".lost");
	if (script === "on") {
		await context.setOffline(true);
		await idle.clock.runFor(6000);
		await note.waitFor({ timeout: 10000 }).catch(() => {});
		check("a page that cannot be refreshed says so", await note.count() === 1, idle.url());
		await context.setOffline(false);
		await idle.clock.runFor(6000);
		await note.waitFor({ state: "detached", timeout: 10000 }).catch(() => {});
		check("until it is", await note.count() === 0, idle.url());
	}
	await press("Log out");
	if (script === "on") {
		await idle.clock.runFor(6000);
		await idle.waitForURL(/\/login/, { timeout: 10000 }).catch(() => {});
		check("a page without a session goes to the login", idle.url().includes("/login"), idle.url());
		await typing.clock.runFor(6000);
		await typing.waitForTimeout(500);
		check("but not one with something typed", await typing.getByLabel("From address").inputValue() === "10.1.0.99",
		    typing.url());
	}
	await page.goto(url + "/policy");
	check("logged out", page.url().includes("/login"), page.url());
	check("nothing was asked of others", foreign.length === 0, foreign);
} catch (e) {
	check("the browser's way", false, e.stack + "\n" + await says().catch(() => ""));
} finally {
	await browser.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
