/* SPDX-License-Identifier: ISC */
/*
 * Comfort only: every page does all it does without this.  Parts marked
 * data-live are fetched again every few seconds while the page is seen, a timer
 * counts down, and an error's place is shown in the text.
 */
"use strict";

(function () {
	const EACH_MS = 5000, TOUCH_MS = 60000;

	/* Somebody is typing or has opened a list within it: leave it alone. */
	function busy(el) {
		return el.contains(document.activeElement) &&
		    document.activeElement !== document.body;
	}

	/* What somebody has typed and not sent is not thrown away. */
	function typed() {
		for (const el of document.querySelectorAll("input, textarea"))
			if (el.value !== el.defaultValue || el.checked !== el.defaultChecked)
				return true;
		return false;
	}

	async function refresh() {
		const live = document.querySelectorAll("[data-live]");

		if (document.hidden || live.length === 0)
			return;
		const answer = await fetch(location.href, {
			headers: { "X-Refresh": "1" }, cache: "no-store",
			credentials: "same-origin"
		});
		if (answer.redirected) {
			/* not a reload: the page may be the answer to a form */
			if (!typed())
				location.replace(location.pathname + location.search);
			return;
		}
		if (answer.status >= 500)
			throw new Error("status " + answer.status);
		if (!answer.ok)
			return;
		const page = new DOMParser().parseFromString(await answer.text(),
		    "text/html");
		for (const el of live) {
			const now = page.getElementById(el.id);

			if (now !== null && !busy(el) && now.innerHTML !== el.innerHTML)
				el.replaceChildren(...now.childNodes);
		}
	}

	/* What is shown may be old; the next page that comes takes this away. */
	function lost() {
		const place = document.getElementById("problems");

		if (place.querySelector(".lost") !== null)
			return;
		const note = document.createElement("p");

		note.className = "note bad lost";
		note.setAttribute("role", "alert");
		note.textContent = "The box does not answer: this page is not " +
		    "refreshed, and shows what was so at the time below.";
		place.append(note);
	}

	function count() {
		for (const el of document.querySelectorAll("[data-until]")) {
			const left = Math.max(0, Math.round(
			    Number(el.dataset.until) - Date.now() / 1000));

			el.textContent = left < 60 ? left + " s" :
			    Math.floor(left / 60) + " min " +
			    String(left % 60).padStart(2, "0") + " s";
		}
	}

	function show(link) {
		const text = document.getElementById("text");
		const lines = text.value.split("\n");
		const line = Number(link.dataset.line) - 1;
		let from = Number(link.dataset.column || 1) - 1, n = 1;

		for (let i = 0; i < line && i < lines.length; i++)
			from += lines[i].length + 1;
		if (link.dataset.column === undefined)
			n = (lines[line] || "").length;
		text.focus();
		text.setSelectionRange(from, from + n);
		text.scrollTop = text.scrollHeight * line / lines.length - 60;
	}

	/* Who types is there: the session does not end meanwhile. */
	let touched = Date.now();

	document.addEventListener("input", function () {
		if (Date.now() - touched < TOUCH_MS)
			return;
		touched = Date.now();
		fetch("/json/login", { redirect: "manual", cache: "no-store",
			credentials: "same-origin" }).catch(function () {});
	});
	for (const link of document.querySelectorAll("a.place")) {
		link.addEventListener("click", function (event) {
			event.preventDefault();
			show(link);
		});
		if (link.classList.contains("now"))
			show(link);
	}
	if (document.querySelector("[data-live]") !== null &&
	    document.querySelector("form.editor") === null) {
		setInterval(function () { refresh().catch(lost); }, EACH_MS);
		setInterval(count, 1000);
	}
})();
