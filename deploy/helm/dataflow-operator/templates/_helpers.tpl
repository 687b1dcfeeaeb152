{{- define "dataflow.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dataflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "dataflow.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dataflow.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dataflow.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "dataflow.selector" . }}
{{- end -}}

{{- define "dataflow.selector" -}}
app.kubernetes.io/name: {{ include "dataflow.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dataflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dataflow.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "dataflow.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "dataflow.webhookSecret" -}}
{{- default (printf "%s-webhook" (include "dataflow.fullname" .)) .Values.webhook.secretName -}}
{{- end -}}

{{/* What cannot work is refused here, with what to do. */}}
{{- define "dataflow.check" -}}
{{- if .Values.gui.enabled -}}
{{- fail "gui.enabled: there is no GUI yet; set it to false" -}}
{{- end -}}
{{- if and .Values.secrets.otherNamespaces .Values.watchNamespace -}}
{{- fail "secrets.otherNamespaces: an operator of one namespace (watchNamespace) reads no Secrets of others; set one of them" -}}
{{- end -}}
{{- if .Values.sentry.enabled -}}
{{- fail "sentry.enabled: errors are not sent to Sentry yet; set it to false" -}}
{{- end -}}
{{- if .Values.webhook.enabled -}}
{{- if and .Values.webhook.selfSigned .Values.webhook.certManager -}}
{{- fail "webhook.selfSigned and webhook.certManager: set one of them" -}}
{{- end -}}
{{- if not (or .Values.webhook.selfSigned .Values.webhook.certManager (and .Values.webhook.secretName .Values.webhook.caBundle)) -}}
{{- fail "webhook.enabled needs a certificate: set webhook.selfSigned, webhook.certManager, or webhook.secretName and webhook.caBundle" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "serviceMonitor.enabled needs metrics.enabled" -}}
{{- end -}}
{{- if and .Values.metrics.enabled (eq (int .Values.metrics.port) (int .Values.health.probePort)) -}}
{{- fail "metrics.port and health.probePort: set different ports" -}}
{{- end -}}
{{- end -}}
