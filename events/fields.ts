import * as z from 'zod/mini';
import { cloudNames } from '../shared/domain/cloud.ts';

/** The fields that events share, each with its form. */
export const clusterId = z.uuid();
export const nodeNumber = z.int().check(z.minimum(1), z.maximum(65_534));
/** An etcd snapshot, by when it was asked for. */
export const snapshot = z.string().check(z.regex(/^\d{8}T\d{6}Z$/));
export const cloud = z.enum(cloudNames);
export const reason = z.string().check(z.minLength(1), z.maxLength(1024));

export const exampleClusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
