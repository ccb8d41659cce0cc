// What makes keys and signs certificates: it brings the X.509 library into a bundle.
export { createClusterPki } from '../kubernetes/pki/cluster-pki.ts';
export {
  issueAdminCredential,
  issueBootstrapCredential,
  issuePlatformCredential,
  objectionToUser,
  type Issuer,
} from '../kubernetes/pki/issue-credentials.ts';
