import assert from "node:assert/strict";
import { test } from "node:test";
import { fill, LANGUAGES, textsOf, type Key } from "../src/texts.ts";

const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort();

test("every language has every text with the same placeholders", () => {
  const english = LANGUAGES["en"]!;
  for (const [language, texts] of Object.entries(LANGUAGES)) {
    assert.deepEqual(Object.keys(texts), Object.keys(english), language);
    for (const key of Object.keys(english) as Key[]) {
      assert.deepEqual(placeholders(texts[key]), placeholders(english[key]), `${language} ${key}`);
      assert.notEqual(texts[key].trim(), "");
    }
  }
});

test("a region takes the texts of its language, an unknown language the English ones", () => {
  assert.equal(textsOf("de-CH").close, "Schließen");
  assert.equal(textsOf("fr").close, "Fermer");
  assert.equal(textsOf("nl").close, "Close");
  assert.equal(textsOf(undefined).close, "Close");
});

test("placeholders are filled in once, and nothing in a value is one", () => {
  assert.equal(fill("{a} and {b}", { a: "{b}", b: 2 }), "{b} and 2");
});
