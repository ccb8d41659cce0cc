import { describe, expect, it } from 'vitest';
import { observeQueueVariable, settingsFrom } from './settings.ts';

describe('settings', () => {
  it('reads only what is asked for', () => {
    const settings = settingsFrom({ TABLE_NAME: 'overcast' });
    expect(settings.tableName).toBe('overcast');
    expect(() => settings.busName).toThrow('the environment variable BUS_NAME is not set');
  });

  it.each([
    ['missing', {}, 'API_URL is not set'],
    ['empty', { API_URL: '' }, 'API_URL is not set'],
    ['not a URL', { API_URL: 'api' }, 'API_URL is not a URL'],
  ])('names a variable that is %s', (_, environment, message) => {
    expect(() => settingsFrom(environment).apiUrl).toThrow(message);
  });

  it('gives the API’s URL one form', () => {
    expect(settingsFrom({ API_URL: 'https://api.example.com/' }).apiUrl).toBe('https://api.example.com');
  });

  it('has one observe queue per cloud', () => {
    expect(observeQueueVariable('digitalocean')).toBe('OBSERVE_QUEUE_URL_DIGITALOCEAN');
    expect(() => settingsFrom({ OBSERVE_QUEUE_URL_AWS: 'http://q' }).observeQueueUrls.gcp).toThrow(
      'OBSERVE_QUEUE_URL_GCP',
    );
  });

  it('knows of a way to clusters only where somebody set one', () => {
    expect(settingsFrom({}).clusterProxyUrl).toBeUndefined();
    expect(settingsFrom({ CLUSTER_PROXY_URL: 'http://127.0.0.1:4571' }).clusterProxyUrl).toBe(
      'http://127.0.0.1:4571',
    );
    expect(() => settingsFrom({ CLUSTER_PROXY_URL: 'proxy' }).clusterProxyUrl).toThrow('is not a URL');
  });
});
