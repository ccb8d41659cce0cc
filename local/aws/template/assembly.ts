import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';

const templateSchema = z.object({
  Parameters: z.optional(
    z.record(z.string(), z.object({ Type: z.string(), Default: z.optional(z.unknown()) })),
  ),
  Mappings: z.optional(z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown())))),
  Conditions: z.optional(z.record(z.string(), z.unknown())),
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z.optional(z.record(z.string(), z.unknown())),
      Condition: z.optional(z.string()),
    }),
  ),
  Outputs: z.optional(
    z.record(z.string(), z.object({ Value: z.unknown(), Condition: z.optional(z.string()) })),
  ),
});
export type Template = z.infer<typeof templateSchema>;

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      displayName: z.optional(z.string()),
      dependencies: z.optional(z.array(z.string())),
      properties: z.optional(
        z.object({
          templateFile: z.optional(z.string()),
          stackName: z.optional(z.string()),
          file: z.optional(z.string()),
        }),
      ),
    }),
  ),
});

const assetsSchema = z.object({
  files: z.record(
    z.string(),
    z.object({ source: z.object({ path: z.optional(z.string()), packaging: z.optional(z.string()) }) }),
  ),
});

/** One synthesized stack: what `cdk deploy` would hand to CloudFormation. */
export interface Assembly {
  readonly stackName: string;
  readonly template: Template;
  /** The unpacked folder of a code asset, by the S3 key that the template gives it (`<hash>.zip`). */
  readonly codeFolder: (s3Key: string) => string | undefined;
}

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path} cannot be read; has the app been synthesized?`, { cause: error });
  }
};

/** @param stackName a stack's name or artifact id; not needed when the assembly holds one stack only */
export function readAssembly(folder: string, stackName?: string): Assembly {
  const { artifacts } = manifestSchema.parse(readJson(join(folder, 'manifest.json')));
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const names = stacks.map(([id, { properties }]) => properties?.stackName ?? id);
  const chosen = stacks.filter(
    ([id, { properties }]) =>
      stackName === undefined || id === stackName || properties?.stackName === stackName,
  );
  const [first] = chosen;
  if (first === undefined || chosen.length > 1)
    throw new Error(`${folder} holds the stacks ${names.join(', ')}; name one of them`);
  const [id, { properties }] = first;
  const templateFile = properties?.templateFile;
  if (templateFile === undefined) throw new Error(`${folder}: stack ${id} has no template`);

  const folders = new Map<string, string>();
  for (const { type, properties: assets } of Object.values(artifacts)) {
    if (type !== 'cdk:asset-manifest' || assets?.file === undefined) continue;
    for (const [hash, { source }] of Object.entries(
      assetsSchema.parse(readJson(join(folder, assets.file))).files,
    ))
      if (source.path !== undefined && source.packaging === 'zip')
        folders.set(hash, join(folder, source.path));
  }
  return {
    stackName: properties?.stackName ?? id,
    template: templateSchema.parse(readJson(join(folder, templateFile))),
    codeFolder: (s3Key) => folders.get(s3Key.replace(/\.zip$/, '')),
  };
}
