import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)));
/** One folder per function, made by the build and deployed as it is. */
export const functionsFolder = join(projectFolder, 'dist', 'functions');
/** What went into which bundle, for the tests that guard the drivers' walls. */
export const metafilePath = join(projectFolder, 'dist', 'functions.json');
