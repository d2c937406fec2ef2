import type { PolicyConstraints } from '../api/policy-spec.ts';
import { formatGoDuration } from '../lib/go-duration.ts';
import type { PolicyRequest } from './request.ts';
import { invalid, type Violation } from './violation.ts';

const PATH = 'spec.constraints';

/** What of `spec.constraints` a request does not satisfy (approver-policy `approver/constraints/evaluator.go`). */
export function constraintViolations(
  { minDurationMs, maxDurationMs, privateKey }: PolicyConstraints,
  { durationMs, key }: PolicyRequest,
): readonly Violation[] {
  const { algorithm, minSize, maxSize } = privateKey;
  const found: Violation[] = [];
  const asked = durationMs === undefined ? '' : formatGoDuration(durationMs);
  // A duration must be requested where one is constrained.
  if (maxDurationMs !== undefined && (durationMs === undefined || durationMs > maxDurationMs)) {
    found.push(invalid('duration', `${PATH}.maxDuration`, asked, formatGoDuration(maxDurationMs)));
  }
  if (minDurationMs !== undefined && (durationMs === undefined || durationMs < minDurationMs)) {
    found.push(invalid('duration', `${PATH}.minDuration`, asked, formatGoDuration(minDurationMs)));
  }
  const size = String(key.sizeBits);
  if (algorithm !== undefined && algorithm !== key.algorithm) {
    found.push(invalid('privateKey', `${PATH}.privateKey.algorithm`, key.algorithm, algorithm));
  }
  if (maxSize !== undefined && key.sizeBits > maxSize) {
    found.push(invalid('privateKey', `${PATH}.privateKey.maxSize`, size, String(maxSize)));
  }
  if (minSize !== undefined && key.sizeBits < minSize) {
    found.push(invalid('privateKey', `${PATH}.privateKey.minSize`, size, String(minSize)));
  }
  return found;
}
