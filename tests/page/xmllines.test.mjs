import assert from "node:assert/strict";
import test from "node:test";

import { xmlLines } from "../../plugins/mirror/reserve_mirror/static/views/xmllines.js";

const shown = (text) => xmlLines(text).map(({ depth, tokens }) => "  ".repeat(depth) + tokens.join(""));

test("XML is indented and not parsed", () => {
  const text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "boom">]><a x="1>2"><b>t &e;</b><c/><![CDATA[<i>]]></a>';
  assert.deepEqual(shown(text), [
    '<?xml version="1.0"?>',
    '<!DOCTYPE a [<!ENTITY e "boom">]>',
    '<a x="1>2">',
    "  <b>t &e;</b>",
    "  <c/>",
    "  <![CDATA[<i>]]>",
    "</a>",
  ]);
});

test("an element that is empty or has text only is one line", () => {
  assert.deepEqual(shown("<a><b></b> <c> text </c><!-- <d> --></a></a>"), [
    "<a>",
    "  <b></b>",
    "  <c>text</c>",
    "  <!-- <d> -->",
    "</a>",
    "</a>",
  ]);
});

test("what is no XML says why", () => {
  assert.throws(() => xmlLines("<a>\n <b"), { name: "SyntaxError", message: "what begins in line 2, column 2 has no end" });
  assert.throws(() => xmlLines("none"), { name: "SyntaxError", message: "there is no tag in it" });
  assert.throws(() => xmlLines(`<a>${"x".repeat(1_000_000)}</a>`), {
    name: "RangeError",
    message: "it is longer than 1.0 MB",
  });
});
