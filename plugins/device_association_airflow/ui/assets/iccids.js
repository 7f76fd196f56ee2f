"use strict";
// Reads ICCIDs out of what a person pastes or uploads.

const LIKE_ICCID = /^[0-9]{18,22}$/;

/** Return the ICCIDs of a text in their order, each once, and how many repeated or don't look like one. */
function readIccids(text) {
  const seen = new Set();
  let repeated = 0;
  const odd = [];
  for (const part of text.split(/[\s,;]+/)) {
    const iccid = part.replace(/^["']+|["']+$/g, "");
    if (!iccid) continue;
    if (seen.has(iccid)) { repeated += 1; continue; }
    seen.add(iccid);
    if (!LIKE_ICCID.test(iccid)) odd.push(iccid);
  }
  return { iccids: [...seen], repeated, odd };
}

/** Return the ICCIDs of a file as lines: its column named ICCID, else the first cell of each line that looks like one. */
function readFile(text) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/).map((line) => line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^["']+|["']+$/g, "")));
  const named = (lines[0] ?? []).findIndex((cell) => cell.toUpperCase() === "ICCID");
  const found = named < 0
    ? lines.map((cells) => cells.find((cell) => LIKE_ICCID.test(cell)) ?? cells[0])
    : lines.slice(1).map((cells) => cells[named]);
  return found.filter(Boolean).join("\n");
}
