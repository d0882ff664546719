// Checks an exported IFMessage (JSON on standard input) with nothing but Node: RFC 8785, RFC 8032.
// Exit code 0 and the sender's peer id: genuine. Exit code 1 and the reason: not.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

// RFC 8785 is what JSON.stringify writes, with the keys sorted by UTF-16 code units.
const canonical = (value) => {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`);
  return `{${members.join(",")}}`;
};
const base32 = (bytes) => {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{5}/g).map((group) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(group, 2)]).join("");
};
const refuse = (reason) => {
  console.log(reason);
  process.exit(1);
};

const { signature, ...fields } = JSON.parse(readFileSync(0, "utf8"));
if (canonical(signature.signed_fields) !== canonical(Object.keys(fields).sort())) refuse("not every field is signed");
const x = signature.public_key.replace(/^ed25519:/, "");
const hash = createHash("sha256").update("infrafabric/peer-id/1\0").update(Buffer.from(x, "base64")).digest();
const peerId = base32(hash.subarray(0, 20));
if (fields.sender !== `if://agent/${peerId}`) refuse("the key is not the sender's");
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(x, "base64").toString("base64url") }, format: "jwk" });
const bytes = Buffer.from(signature.signature_bytes.replace(/^ed25519:/, ""), "hex");
if (!verify(null, Buffer.from(canonical(fields)), key, bytes)) refuse("the signature is wrong");
console.log(peerId);
