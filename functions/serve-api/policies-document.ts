import * as z from 'zod/mini';
import {
  policyFields,
  policyListMax,
  policyPaths,
  type PolicyField,
} from '../../shared/domain/policy-fields.ts';
import type { Policies } from '../../shared/domain/policy.ts';

/** One field's JSON type; what it may hold, and whether it may be left out, is planning/validate-policies.ts's to say. */
const formOf = ({ value }: PolicyField): z.ZodMiniType => {
  if (value.type === 'whole number') return z.number();
  if (value.type === 'true or false') return z.boolean();
  return z.array(z.string().check(z.maxLength(64))).check(z.maxLength(policyListMax));
};

/**
 * The form of the object whose fields' paths begin so: `` for all policies, `spot.` for a section.
 *
 * @param isPatch every field may be left out, or be null to take away what is there (RFC 7396).
 */
function objectOf(beginning: string, isPatch: boolean): z.ZodMiniType {
  const names = policyPaths
    .filter((path) => path.startsWith(beginning))
    .map((path) => path.slice(beginning.length).split('.', 1)[0] ?? '');
  return z.strictObject(
    Object.fromEntries(
      [...new Set(names)].map((name) => {
        const field = fieldAt(`${beginning}${name}`);
        const form = field === undefined ? objectOf(`${beginning}${name}.`, isPatch) : formOf(field);
        return [name, z.optional(isPatch ? z.nullable(form) : form)];
      }),
    ),
  );
}

/** Undefined for what is no field but has some. */
const fieldAt = (path: string): PolicyField | undefined =>
  (policyFields as Readonly<Record<string, PolicyField>>)[path];

/** All policies of a cluster, as its file has them under `spec.policies`. */
export const policiesDocument = objectOf('', false) as z.ZodMiniType<Policies>;

/** A change of them: what is not named stays. */
export type PoliciesPatch = Readonly<Record<string, unknown>>;
export const policiesPatch = objectOf('', true) as z.ZodMiniType<PoliciesPatch>;
