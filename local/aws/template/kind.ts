import type * as z from 'zod/mini';
import { digest } from '../addresses.ts';

/** What a resource's names are made from, before any other property is resolved. */
export interface Naming {
  readonly logicalId: string;
  readonly stackName: string;
  /** `http://127.0.0.1:<port>` */
  readonly baseUrl: string;
  /** One property of the resource, resolved; undefined when the template does not give it. */
  text(property: string): string | undefined;
}

export interface Names {
  /** What `Ref` gives. */
  readonly ref: string;
  /** What `Fn::GetAtt` gives. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Kind<S extends z.ZodMiniType = z.ZodMiniType> {
  /** The properties that make a difference here, strictly: a property in neither list is an error at start. */
  readonly carriedOut: S;
  /** Properties that are accepted without effect, each with its reason. */
  readonly inert: Readonly<Record<string, string>>;
  names(naming: Naming): Names;
}

export const kind = <S extends z.ZodMiniType>(each: Kind<S>): Kind<S> => each;

/** CloudFormation's names for what was given none: the stack, the logical id, and something that differs. */
export const generatedName = ({ stackName, logicalId }: Naming, charactersMax = 64): string => {
  const suffix = `-${digest(`${stackName}/${logicalId}`, 12)}`;
  return `${`${stackName}-${logicalId}`.slice(0, charactersMax - suffix.length)}${suffix}`;
};

/** A stable UUID for what AWS names by UUID. */
export const generatedUuid = ({ stackName, logicalId }: Naming): string => {
  const hex = digest(`${stackName}/${logicalId}/uuid`, 32);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
};
