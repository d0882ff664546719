/** What is proven of links and what is only said of them, in words. */

import type { LinkInfo, MeshStore } from "./feed.ts";
import { fill, type Texts } from "./texts.ts";
import { ago } from "./time.ts";

/** Seconds that a proof of delivery is marked in the picture. */
export const PROVEN_FOR = 300;

/** Whether a message demonstrably got through the link lately. */
export function isProven(link: LinkInfo, now = Date.now()): boolean {
  return link.proven !== null && now / 1000 - link.proven <= PROVEN_FOR;
}

/** Whether and when one of this node's own links proved that it delivers. */
export function proofOf(link: LinkInfo, texts: Texts, language: string, now = Date.now()): string {
  if (link.proven === null) return texts.not_proven;
  // Newer proofs are told once a minute only.
  if (now / 1000 - link.proven < 60) return texts.proven_now;
  return fill(texts.proven_ago, { ago: ago(new Date(link.proven * 1000), language, now) });
}

/** How many links of a peer with others than this node are reported by both ends, and by one. */
export interface Reports {
  both: number;
  one: number;
}

export function countReports(store: MeshStore): Map<number, Reports> {
  const counts = new Map<number, Reports>();
  for (const { a, b, own, says } of store.links.values()) {
    if (own) continue;
    for (const n of [a, b]) {
      let count = counts.get(n);
      if (!count) counts.set(n, (count = { both: 0, one: 0 }));
      count[says === "both" ? "both" : "one"] += 1;
    }
  }
  return counts;
}

/** The same in words, or nothing where there are no such links. */
export function reportsOf(reports: Reports | undefined, texts: Texts): string {
  const parts: string[] = [];
  if (reports?.both) parts.push(fill(texts.links_both, { count: reports.both }));
  if (reports?.one) parts.push(fill(texts.links_one, { count: reports.one }));
  return parts.length ? `${texts.links_others} ${parts.join(", ")}` : "";
}
