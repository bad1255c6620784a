{{/* Templates for the pods of this chart and, in sidecar mode, of others: `include "…" .Subcharts.poolgate`. */}}

{{/* Annotations of the pod. */}}
{{- define "poolgate.annotations" -}}
checksum/poolgate: {{ include "poolgate.checksum" . }}
{{- end }}

{{/* The pod's terminationGracePeriodSeconds. */}}
{{- define "poolgate.gracePeriodSeconds" -}}
{{- $own := add .Values.shutdown.delaySeconds .Values.shutdown.drainSeconds 5 -}}
{{- if eq .Values.mode "sidecar" }}{{ add $own .Values.sidecar.serviceStopSeconds }}{{ else }}{{ $own }}{{ end -}}
{{- end }}

{{/*
In sidecar mode, how long the other container sleeps before it stops (lifecycle.preStop.sleep.seconds): until nobody
calls it any more. Beside Poolgate that is until Poolgate has drained.
*/}}
{{- define "poolgate.sleepSeconds" -}}
{{- if .Values.sidecar.native -}}
{{- int .Values.shutdown.delaySeconds -}}
{{- else -}}
{{- add .Values.shutdown.delaySeconds .Values.shutdown.drainSeconds -}}
{{- end -}}
{{- end }}

{{/* The container, as an entry of `containers`, or of `initContainers` with `sidecar.native`. */}}
{{- define "poolgate.container" -}}
- name: poolgate
  image: {{ include "poolgate.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if and (eq .Values.mode "sidecar") .Values.sidecar.native }}
  restartPolicy: Always
  {{- end }}
  args: ["serve", "--config", "/etc/poolgate/poolgate.yaml"]
  ports:
    - { name: proxy, containerPort: {{ .Values.ports.proxy }}, protocol: TCP }
    - { name: admin, containerPort: {{ .Values.ports.admin }}, protocol: TCP }
    {{- if include "poolgate.asked" . }}
    - { name: ext-authz, containerPort: {{ .Values.extAuthz.port }}, protocol: TCP }
    {{- end }}
  {{- with .Values.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  startupProbe:
    httpGet: { path: /livez, port: admin }
    {{- toYaml .Values.probes.startup | nindent 4 }}
  livenessProbe:
    httpGet: { path: /livez, port: admin }
    {{- toYaml .Values.probes.liveness | nindent 4 }}
  readinessProbe:
    httpGet: { path: /readyz, port: admin }
    {{- toYaml .Values.probes.readiness | nindent 4 }}
  # No preStop: after SIGTERM the program goes on serving by itself, for timeouts.shutdown_delay.
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    privileged: false
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    # Whole folders, never a subPath: only so does a change reach the pod.
    - { name: poolgate-config, mountPath: /etc/poolgate, readOnly: true }
    {{- if include "poolgate.hasSecrets" . }}
    - { name: poolgate-secrets, mountPath: /run/secrets/poolgate, readOnly: true }
    {{- end }}
    {{- if .Values.tls.existingSecret }}
    - { name: poolgate-tls, mountPath: /run/secrets/poolgate-tls, readOnly: true }
    {{- end }}
    {{- with .Values.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "poolgate.hasSecrets" -}}
{{- if or .Values.identityKey.existingSecret .Values.secrets.existing .Values.secrets.files }}true{{ end -}}
{{- end }}

{{/*
Files of secrets: for the group that the pod gives to volumes, or for all users of this one container where the pod is
somebody else's.
*/}}
{{- define "poolgate.secretMode" -}}
{{- if eq .Values.mode "sidecar" }}0444{{ else }}0440{{ end -}}
{{- end }}

{{/* The volumes of the container, as entries of `volumes`. */}}
{{- define "poolgate.volumes" -}}
- name: poolgate-config
  projected:
    sources:
      - configMap:
          name: {{ include "poolgate.fullname" . }}
          items:
            - { key: poolgate.yaml, path: poolgate.yaml }
            {{- range $path, $_ := .Values.policies }}
            - { key: {{ include "poolgate.key" $path }}, path: policies/{{ $path }} }
            {{- end }}
      {{- range .Values.policyConfigMaps }}
      - configMap:
          name: {{ .name }}
          items:
            {{- range .items }}
            - { key: {{ .key | quote }}, path: {{ printf "policies/%s" .path | quote }} }
            {{- end }}
      {{- end }}
{{- if include "poolgate.hasSecrets" . }}
- name: poolgate-secrets
  projected:
    defaultMode: {{ include "poolgate.secretMode" . }}
    sources:
      {{- if .Values.secrets.files }}
      - secret:
          name: {{ include "poolgate.fullname" . }}
      {{- end }}
      {{- range .Values.secrets.existing }}
      - secret:
          name: {{ . }}
      {{- end }}
      {{- with .Values.identityKey }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret }}
          items:
            - { key: {{ .key }}, path: identity }
      {{- end }}
      {{- end }}
{{- end }}
{{- if .Values.tls.existingSecret }}
- name: poolgate-tls
  secret:
    secretName: {{ .Values.tls.existingSecret }}
    defaultMode: {{ include "poolgate.secretMode" . }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
