/** What stands where a secret stood. */
export const redacted = '[redacted]';

/** Fields whose value is never shown, whatever it looks like. Compared without case, hyphens and underscores. */
const secretFields = new Set([
  'accesskeyid',
  'apikey',
  'authorization',
  'bootstraptoken',
  'clientsecret',
  'cookie',
  'credentials',
  'kubeconfig',
  'password',
  'privatekey',
  'secret',
  'secretaccesskey',
  'secretstring',
  'serviceaccountkey',
  'sessionsecret',
  'sessiontoken',
  'setcookie',
  'tasktoken',
  'token',
  'userdata',
  'waittoken',
  'xamzsecuritytoken',
  'xapikey',
]);

/** Secrets that betray themselves by their form, wherever in a text they stand. No pattern takes longer than its text is long. */
const secretForms: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // A header, also as `authorization: Basic …`.
  /\b(?:bearer|basic)\s{1,8}[\w.~+/=-]{8,}/gi,
  // Bootstrap tokens: version, attempt, expiry, MAC.
  /\bv1\.\d+\.\d+\.[\w-]{16,}={0,2}/g,
  // The platform's API keys.
  /\boc_[\w-]{8,}/g,
  // Session secrets are 64 hex digits; so are SHA-256 hashes, which nobody needs to read in a log either.
  /\b[0-9a-f]{64}\b/gi,
  // The clouds' own: AWS access keys, DigitalOcean tokens, Google access tokens, JSON Web Tokens.
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bdo[opr]_v1_[0-9a-f]{16,}/gi,
  /\bya29\.[\w-]+/g,
  // A machine's cloud-init as it goes over the wire: `#cloud-config` in base64, with the bound token in it.
  /\bI2Nsb3VkLWNvbmZpZ[\w+/=-]*/g,
  // A presigned URL is good for whoever has it.
  /\bX-Amz-(?:Signature|Security-Token|Credential)=[^\s"'&]+/gi,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  // `"clientSecret":"…"` and `password=…` inside a text that somebody quoted.
  // Quoted once more, as JSON in a text of JSON, its quotation marks have backslashes.
  /(?<=\b(?:client_?secret|secret_?access_?key|session_?secret|private_?key|password|x-api-key|(?:access_?|refresh_?|id_?)?token|authorization)\\{0,8}"?\s{0,8}[:=]\s{0,8})(?:(\\{1,8})"[\s\S]{0,4096}?\1"|"(?:[^"\\]|\\.)*"|[^\s",}&]+)/gi,
];

/** The text with every secret that it shows taken out. */
export const redactText = (text: string): string =>
  secretForms.reduce((shown, form) => shown.replace(form, redacted), text);

/** A replacer for `JSON.stringify`: by the field's name, then by the value's form. Numbers and booleans stay. */
export function redact(key: string, value: unknown): unknown {
  if (value === undefined || value === null || typeof value === 'boolean') return value;
  if (secretFields.has(key.toLowerCase().replaceAll(/[-_]/g, ''))) return redacted;
  return typeof value === 'string' ? redactText(value) : value;
}
