{{- define "poolgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "poolgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "poolgate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "poolgate.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "poolgate.selector" -}}
app.kubernetes.io/name: {{ include "poolgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "poolgate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "poolgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "poolgate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end }}

{{/* poolgate.yaml: the user's configuration and what follows from the other values. */}}
{{- define "poolgate.config" -}}
{{- $listen := dict
      "proxy" (dict "address" (printf "0.0.0.0:%d" (int .Values.ports.proxy)))
      "admin" (dict "address" (printf "0.0.0.0:%d" (int .Values.ports.admin))) -}}
{{- $timeouts := merge
      (dict "shutdown_delay" (printf "%ds" (int .Values.shutdown.delaySeconds)) "drain" (printf "%ds" (int .Values.shutdown.drainSeconds)))
      (.Values.config.timeouts | default dict) -}}
{{- $fixed := dict "listen" $listen "timeouts" $timeouts "policies" "policies" "identity_pools" "policies/identity-pools" -}}
{{- if .Values.identityKey.existingSecret -}}
{{- $key := dict "key" (dict "file" "/run/secrets/poolgate/identity") -}}
{{- $_ := set $fixed "identities" (merge $key (.Values.config.identities | default (dict "store" "derived"))) -}}
{{- end -}}
{{- toYaml (merge $fixed (deepCopy .Values.config)) -}}
{{- end }}

{{/* A ConfigMap's keys have no slashes; the volume's items put the paths back. */}}
{{- define "poolgate.key" -}}
{{- replace "/" "__" . -}}
{{- end }}
